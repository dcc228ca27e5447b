/** Token ids of a text that is longer than what is encoded at once. Knows where a text may be cut, not how it is encoded. */
import { LlamaError } from "../error.js";
import type { Tokenizer } from "./tokenizer.js";

/** Characters encoded at once. */
const MAX_PIECE = 500_000;

/** Ids of a text of any length; it is cut after newlines, where no token crosses. */
export function encodeLong(tokenizer: Tokenizer, text: string): number[] {
  const ids: number[] = [];
  const newline = tokenizer.encode("\n", { bos: false, eos: false });
  for (let start = 0; start < text.length; ) {
    let end = text.length;
    if (end - start > MAX_PIECE) {
      end = start + MAX_PIECE;
      while (end > start && !(text[end - 1] === "\n" && /\S/.test(text[end]!))) end--;
      if (end === start) throw new LlamaError("usage", `has a line of more than ${MAX_PIECE} characters`);
    }
    const piece = text.slice(start, end);
    // In the middle of a text, a piece must not get the space that SentencePiece puts before a text.
    const coded = tokenizer.encode(start === 0 ? piece : `\n${piece}`, { bos: false, eos: false });
    for (let i = start === 0 ? 0 : newline.length; i < coded.length; i++) ids.push(coded[i]!);
    start = end;
  }
  return ids;
}
