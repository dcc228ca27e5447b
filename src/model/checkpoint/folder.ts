/** The files of a checkpoint folder: tells Meta's layout from Hugging Face's, finds the shards, and tells what is wrong with a folder that has none. Opens no shard. */
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { LlamaError } from "../../error.js";
import { isHuggingFace, listHfFiles } from "./hugging-face-files.js";

export interface CheckpointFolder {
  layout: "meta" | "hugging face";
  /** Paths of the weight files, in order. */
  files: string[];
}

/**
 * Looks what a folder holds. Meta's shards are every *.pth, by name, as Meta's loader lists them;
 * with both kinds of files, those count whose description (params.json or config.json) is there.
 */
export function openFolder(dir: string): CheckpointFolder {
  const names = list(dir);
  const shards = shardNames(names);
  if (isHuggingFace(names) && (shards.length === 0 || !names.includes("params.json"))) {
    return { layout: "hugging face", files: listHfFiles(dir, names) };
  }
  if (shards.length === 0) throw noShards(dir, names);
  checkNumbering(dir, shards);
  return { layout: "meta", files: shards.map((name) => join(dir, name)) };
}

/** Files named *.pth, sorted so that a number without leading zeros also counts as one; hidden ones are no shards. */
function shardNames(names: readonly string[]): string[] {
  const byName = new Intl.Collator("en", { numeric: true });
  return names.filter((name) => name.endsWith(".pth") && !name.startsWith(".")).sort(byName.compare);
}

function noShards(dir: string, names: readonly string[]): LlamaError {
  const nested = names.map((name) => join(dir, name)).filter(holdsShards);
  const details = nested.length > 0 ? { fix: `Did you mean ${nested.join(" or ")}?` } : {};
  return new LlamaError("model", `no checkpoint files found in ${dir}`, details);
}

/** A shard left out in the middle would shift all later ones to a wrong rank. */
function checkNumbering(dir: string, names: string[]): void {
  const digits = names.map((name) => /^consolidated\.(\d+)\.pth$/.exec(name)?.[1]);
  const present = new Set(digits.map(Number));
  for (const text of digits) {
    if (text === undefined) continue;
    for (let rank = 0; rank < Number(text) && rank <= names.length; rank++) {
      if (present.has(rank)) continue;
      throw new LlamaError("model", `shard consolidated.${String(rank).padStart(text.length, "0")}.pth is missing`, {
        where: dir,
        found: names.slice(0, 20).join(", "),
        fix: "Copy or download it again",
      });
    }
  }
}

function holdsShards(path: string): boolean {
  try {
    const names = list(path);
    return shardNames(names).length > 0 || isHuggingFace(names);
  } catch {
    return false; // a file, or not ours to read
  }
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new LlamaError("model", "checkpoint folder does not exist", { where: dir, cause });
    if (code === "ENOTDIR") {
      const fix = `Give the folder that holds the checkpoint, e.g. ${dirname(dir)}`;
      throw new LlamaError("model", "is not a folder", { where: dir, fix, cause });
    }
    throw new LlamaError("model", "folder cannot be read", { where: dir, found: message, cause });
  }
}
