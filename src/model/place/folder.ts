/** Lists the names at a path, once. Does not know which files belong to a checkpoint. */
import { readdirSync } from "node:fs";
import { LlamaError } from "../../error.js";

/** A path that the user named, and the names in it, which are read once. */
export interface CheckpointPath {
  path: string;
  /** Names in the folder; null if the path is a file. */
  names: readonly string[] | null;
}

/** null if there is nothing at the path; throws a LlamaError for a folder that cannot be read. */
export function listPath(path: string): CheckpointPath | null {
  try {
    return { path, names: readdirSync(path) };
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOTDIR") return { path, names: null };
    if (code === "ENOENT") return null;
    throw new LlamaError("model", "folder cannot be read", { where: path, found: message, cause });
  }
}

/** The names in a folder; none where there is no such folder, or it cannot be read. */
export function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
