/** The weight files that cached weights were made from: how each is recognised, and whether it is still the same. Reads no content. */
import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { type FileStamp, stampOf } from "../../formats/files/file-stamp.js";
import type { Checkpoint } from "../../model/checkpoint/checkpoint.js";

export interface SourceFile {
  /** Absolute path. */
  file: string;
  hasChecksums: boolean;
  identity: readonly (string | number)[];
}

/** Whether files are what they were: "gone" if one does not exist, "changed" if one is another. */
export type SourceState = "current" | "changed" | "gone";

/** The weight files of a checkpoint, as they were when it was opened. */
export function sourceFiles({ tensors, stamps }: Checkpoint): SourceFile[] {
  const files = new Map<string, SourceFile>();
  for (const { pieces } of tensors.values()) {
    for (const { entry } of pieces) {
      const { file, crc32 } = entry.storage;
      if (files.has(file)) continue;
      const stamp = stamps.find((one) => one.file === file) ?? stampOf(file);
      const hasChecksums = crc32 !== undefined;
      files.set(file, { file: resolve(file), hasChecksums, identity: identityOf(stamp, hasChecksums) });
    }
  }
  return [...files.values()];
}

export function sourceState(sources: readonly SourceFile[]): SourceState {
  const now = sources.map(({ file, hasChecksums }) => ({ stamp: stampOf(file), hasChecksums }));
  if (now.some(({ stamp }) => stamp.size < 0)) return "gone";
  const isSame = ({ identity }: SourceFile, i: number) =>
    JSON.stringify(identity) === JSON.stringify(identityOf(now[i]!.stamp, now[i]!.hasChecksums));
  return sources.every(isSame) ? "current" : "changed";
}

/** A zip's checksums identify its contents; without them, change time, inode and path must match too. */
function identityOf({ file, size, mtimeMs, ctimeMs, ino }: FileStamp, hasChecksums: boolean): (string | number)[] {
  return hasChecksums ? [size, mtimeMs] : [size, mtimeMs, ctimeMs, ino, realPath(file)];
}

function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return resolve(file);
  }
}
