/** Mutates a tiktoken tokenizer: its lines, and sometimes the bytes. */
import { mutateBytes } from "./bytes.js";
import type { Dice } from "./dice.js";

export function mutateLines(dice: Dice, file: Uint8Array): Buffer {
  const lines = Buffer.from(file).toString("latin1").split("\n");
  // the last line is empty: changing only that one changes nothing
  for (let count = dice.below(3); count >= 0; count--) {
    const at = dice.below(lines.length);
    const [base64 = "", rank = ""] = lines[at]!.split(" ");
    switch (dice.below(7)) {
      case 0:
        lines.splice(at, 1 + dice.below(dice.pick([1, 300])));
        break;
      case 1:
        lines.splice(at, 0, ...lines.slice(at, at + 1 + dice.below(300)));
        break;
      case 2:
        lines[at] = `${base64} ${dice.edge()}`;
        break;
      case 3:
        lines[at] = `${dice.bytes(dice.below(20)).toString("base64")} ${rank}`;
        break;
      case 4:
        lines[at] = mutateBytes(dice, Buffer.from(lines[at]!)).toString("latin1");
        break;
      case 5:
        lines[at] = `${lines[at]}${dice.pick(["\r", " ", "\t", "\0", "=", " 0", "A".repeat(5000)])}`;
        break;
      default:
        lines.push(`${dice.bytes(1 + dice.below(20)).toString("base64")} ${lines.length - 1}`);
    }
    if (lines.length === 0) lines.push("");
  }
  const bytes = Buffer.from(lines.join("\n"), "latin1");
  return dice.chance(0.15) ? mutateBytes(dice, bytes) : bytes;
}
