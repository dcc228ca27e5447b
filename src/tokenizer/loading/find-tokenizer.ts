/** Finds the tokenizer's file of a checkpoint if the user does not name one. Opens no file. */
import { existsSync, realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { LlamaError } from "../../error.js";

/**
 * Looks for tokenizer.model in the folder (Llama 3, Hugging Face) or in `original`, where Hugging Face's folders of Llama 3
 * have Meta's files; then tokenizer.json in the folder, then tokenizer.model in the parent folder (LLaMA 1 and 2).
 * In a folder of Hugging Face, which has a config.json, tokenizer.json comes first: it has the tokens that a fine-tune added.
 * Throws a LlamaError if none of these files exists.
 */
export function findTokenizer(ckptDir: string): string {
  const found = lookForTokenizer(ckptDir);
  if (found !== null) return found;
  const fix = "Name the tokenizer's file with --tokenizer_path (in the library: tokenizerPath)";
  throw new LlamaError("model", "no tokenizer found", {
    where: ckptDir,
    expected: placesOf(ckptDir).join(" or "),
    fix,
  });
}

/** Like findTokenizer(), but null without a tokenizer. */
export function lookForTokenizer(ckptDir: string): string | null {
  return placesOf(ckptDir).find((path) => existsSync(path)) ?? null;
}

function placesOf(ckptDir: string): string[] {
  const model = "tokenizer.model";
  const json = join(ckptDir, "tokenizer.json");
  const models = [join(ckptDir, model), join(ckptDir, "original", model)];
  const isHuggingFace = existsSync(join(ckptDir, "config.json"));
  // A link has two parents: that of the folder it leads to, as for the kernel's "..", and that of the link.
  const parents = [...new Set([realPath(ckptDir), resolve(ckptDir)].map(dirname))];
  return [...(isHuggingFace ? [json, ...models] : [...models, json]), ...parents.map((parent) => join(parent, model))];
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}
