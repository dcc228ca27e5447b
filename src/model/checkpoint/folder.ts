/** Lists the names at a path, once. Does not know which files belong to a checkpoint. */
import { readdirSync } from "node:fs";
import { LlamaError } from "../../error.js";
import type { CheckpointPath } from "./checkpoint-format.js";

/** Throws a LlamaError if there is nothing at the path, or a folder that cannot be read. */
export function listPath(path: string): CheckpointPath {
  try {
    return { path, names: readdirSync(path) };
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOTDIR") return { path, names: null };
    if (code === "ENOENT") throw new LlamaError("model", "checkpoint folder does not exist", { where: path, cause });
    throw new LlamaError("model", "folder cannot be read", { where: path, found: message, cause });
  }
}
