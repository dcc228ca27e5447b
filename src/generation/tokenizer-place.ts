/** Where the tokenizer of a checkpoint lies, if nobody says. Opens no file. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { LlamaError } from "../error.js";

/** tokenizer.model in the folder (Llama 3) or beside it (LLaMA 1 and 2). */
export function findTokenizer(ckptDir: string): string {
  const places = [join(ckptDir, "tokenizer.model"), join(dirname(resolve(ckptDir)), "tokenizer.model")];
  const found = places.find((path) => existsSync(path));
  if (found) return found;
  const fix = "Give the tokenizer's file with tokenizer_path";
  throw new LlamaError("model", "no tokenizer.model", { where: ckptDir, expected: places.join(" or "), fix });
}
