/** Finds the weight files of a checkpoint folder, in Meta's or Hugging Face's layout, and explains a folder without any. Opens no shard. */
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
 * Lists the weight files of a folder. Meta's shards are all *.pth files, sorted by name, as in Meta's loader. If a folder
 * has both kinds of files, Meta's are used if params.json exists. Throws a LlamaError if there are no weight files.
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

/** Files named *.pth except hidden ones, sorted so that numbers without leading zeros are in order, too. */
function shardNames(names: readonly string[]): string[] {
  const byName = new Intl.Collator("en", { numeric: true });
  return names.filter((name) => name.endsWith(".pth") && !name.startsWith(".")).sort(byName.compare);
}

function noShards(dir: string, names: readonly string[]): LlamaError {
  const nested = names.map((name) => join(dir, name)).filter(holdsShards);
  const details = nested.length > 0 ? { fix: `Did you mean ${nested.join(" or ")}?` } : {};
  return new LlamaError("model", `no checkpoint files found in ${dir}`, details);
}

/** Checks that no shard is missing: a gap would shift all later shards to a wrong rank. */
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
    return false; // a file, or a folder without read permission
  }
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new LlamaError("model", "checkpoint folder does not exist", { where: dir, cause });
    if (code === "ENOTDIR") {
      const fix = `Name the folder that contains the checkpoint, for example ${dirname(dir)}`;
      throw new LlamaError("model", "is not a folder", { where: dir, fix, cause });
    }
    throw new LlamaError("model", "folder cannot be read", { where: dir, found: message, cause });
  }
}
