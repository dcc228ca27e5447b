/** What the name of a model's folder says about it: a chat model or a base model. Does not open any file. */
import { realpathSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";

export type FolderKind = "chat" | "base" | null;

/** How many folders above the model's may name it: `Llama-3-8B-Instruct/original`, `models--x--Llama-2-7b-chat-hf/snapshots/HASH`. */
const PARENTS = 2;

/** Reads the folder's path as it was named, then the real path that links lead to. The first name that says something counts, from the folder up. */
export function folderKind(folder: string): FolderKind {
  return kindOfPath(resolve(folder)) ?? kindOfPath(realPath(folder));
}

function kindOfPath(path: string): FolderKind {
  for (let i = 0, place = path; i <= PARENTS; i++, place = dirname(place)) {
    const name = basename(place);
    if (/chat|instruct|(^|[^a-z])it([^a-z]|$)/i.test(name)) return "chat";
    if (/(^|[^a-z])(base|pt)([^a-z]|$)/i.test(name)) return "base";
    // A folder above one that has the name of a model only collects models.
    if (/llama/i.test(name)) return null;
  }
  return null;
}

function realPath(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return resolve(folder);
  }
}
