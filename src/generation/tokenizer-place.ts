/** Where the tokenizer of a checkpoint lies, if nobody says. Opens no file. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { LlamaError } from "../error.js";

/**
 * tokenizer.model in the folder (Llama 3, Hugging Face), in `original`, where Hugging Face's folders of Llama 3 have
 * Meta's files, or beside the folder (LLaMA 1 and 2).
 */
export function findTokenizer(ckptDir: string): string {
  const folders = [ckptDir, join(ckptDir, "original"), dirname(resolve(ckptDir))];
  const places = folders.map((folder) => join(folder, "tokenizer.model"));
  const found = places.find((path) => existsSync(path));
  if (found) return found;
  const only = existsSync(join(ckptDir, "tokenizer.json"))
    ? { found: "a tokenizer.json, which is not read", fix: "Add the tokenizer.model of the model's release" }
    : { fix: "Give the tokenizer's file with tokenizer_path" };
  const expected = places.join(" or ");
  throw new LlamaError("model", "no tokenizer.model", { where: ckptDir, expected, ...only });
}
