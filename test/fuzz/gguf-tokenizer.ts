/** The target for tokenizers in GGUF files: changed lists, ids, flags and names of their metadata. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openTokenizer } from "../../src/tokenizer/loading/open-tokenizer.js";
import { fixture } from "../folders.js";
import { bytePairMetadata, ggufTokenizer, type Metadata, pieceMetadata } from "../tokenizer/gguf-tokenizers.js";
import { mutateBytes } from "./bytes.js";
import type { Dice } from "./dice.js";
import type { Target } from "./targets.js";

export function ggufTokenizerTarget(folder: string): Target {
  const dir = join(folder, "gguf-tokenizer");
  mkdirSync(dir, { recursive: true });
  const path = join(dir, "tokenizer.gguf");
  const models = [pieceMetadata(fixture("own512.model")), bytePairMetadata("llama-bpe"), bytePairMetadata("smollm")];
  return {
    name: "gguf tokenizer",
    make: (dice) => mutate(dice, dice.pick(models)),
    read(bytes) {
      writeFileSync(path, bytes);
      openTokenizer(path);
    },
  };
}

const KEYS = ["add_bos_token", "add_space_prefix", "eot_token_id", "padding_token_id", "unknown_token_id"];
const WORDS = [
  "llama",
  "gpt2",
  "bert",
  "tekken",
  "default",
  "__proto__",
  "<|im_end|>",
  "</s>",
  "<0x41>",
  "a b",
  "",
  "\u0000\n",
];

function mutate(dice: Dice, metadata: Metadata): Buffer {
  const more: Metadata = {};
  for (let count = 1 + dice.below(3); count > 0; count--) {
    const key = dice.chance(0.2) ? `ggml.${dice.pick(KEYS)}` : dice.pick(Object.keys(metadata));
    more[key] = dice.chance(0.1) ? undefined : changed(dice, more[key] ?? metadata[key]);
  }
  const bytes = ggufTokenizer(metadata, more);
  return dice.chance(0.2) ? mutateBytes(dice, bytes) : bytes;
}

/** Another value, most often of the same type. */
function changed(dice: Dice, old: unknown): unknown {
  if (dice.chance(0.1)) return dice.pick([true, 1, "x", ["x"], [1, 2], { type: "float32", value: [Number.NaN] }]);
  if (Array.isArray(old))
    return changedList(dice, old, () => dice.pick<unknown>(typeof old[0] === "string" ? WORDS : [0, 1, 2]));
  if (typeof old === "object" && old !== null && "value" in old) {
    return { ...old, value: changedList(dice, old.value as unknown[], () => dice.pick([0, 1, 2, 3, 4, 5, 6, 7, -1])) };
  }
  if (typeof old === "string") return dice.pick(WORDS);
  return dice.pick([0, 1, 2, 511, 512, 641, 642, 643, 644, 0xffffffff, true, false]);
}

function changedList(dice: Dice, old: readonly unknown[], value: () => unknown): unknown[] {
  const list = [...old];
  const at = dice.below(list.length);
  switch (dice.below(4)) {
    case 0:
      return list.slice(0, 1 + at);
    case 1:
      return [...list, dice.chance(0.5) ? value() : list[at]];
    case 2:
      list[at] = list[dice.below(list.length)];
      return list;
    default:
      list[at] = value();
      return list;
  }
}
