/** Finds the tokenizer's file of a checkpoint if the user does not name one. Opens no file. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { LlamaError } from "../../error.js";

/**
 * Looks for tokenizer.model in the folder (Llama 3, Hugging Face) or in `original`, where Hugging Face's folders of Llama 3
 * have Meta's files; then tokenizer.json in the folder, then tokenizer.model in the parent folder (LLaMA 1 and 2).
 * In a folder of Hugging Face, which has a config.json, tokenizer.json comes first: it has the tokens that a fine-tune added.
 * Throws a LlamaError if none of these files exists.
 */
export function findTokenizer(ckptDir: string): string {
  const model = "tokenizer.model";
  const json = join(ckptDir, "tokenizer.json");
  const models = [join(ckptDir, model), join(ckptDir, "original", model)];
  const isHuggingFace = existsSync(join(ckptDir, "config.json"));
  const places = [...(isHuggingFace ? [json, ...models] : [...models, json]), join(dirname(resolve(ckptDir)), model)];
  const found = places.find((path) => existsSync(path));
  if (found) return found;
  const fix = "Name the tokenizer's file with tokenizer_path";
  throw new LlamaError("model", "no tokenizer found", { where: ckptDir, expected: places.join(" or "), fix });
}
