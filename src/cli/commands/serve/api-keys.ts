/** Reads the API keys of `serve` from the environment or a file. Does not compare keys. */
import { readFileSync, statSync } from "node:fs";
import { LlamaError } from "../../../error.js";

/** The keys; with none, no request needs one. Throws LlamaError (usage) for a file that others can read, or without a key. */
export function readKeys(file: string | undefined, variable: string | undefined): string[] {
  const keys = variable ? [variable] : [];
  if (file === undefined) return keys;
  const where = `--api_key_file ${file}`;
  let text: string;
  try {
    // Windows has no such bits.
    if (process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0) {
      throw new LlamaError("usage", "others can read it", { where, fix: `Run chmod 600 ${file}` });
    }
    text = readFileSync(file, "utf8");
  } catch (cause) {
    if (cause instanceof LlamaError) throw cause;
    throw new LlamaError("usage", "cannot be read", { where, found: (cause as Error).message, cause });
  }
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const found = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (found.length === 0) throw new LlamaError("usage", "has no key", { where, expected: "a key a line" });
  return [...keys, ...found];
}
