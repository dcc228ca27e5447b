/** What the system says of a file (size, times, inode), to notice that it was changed. Reads no content. */
import { statSync } from "node:fs";
import { LlamaError } from "../../error.js";

/** Plain data. A file that does not exist has a size of -1. */
export interface FileStamp {
  file: string;
  size: number;
  /** Milliseconds since 1970. */
  mtimeMs: number;
  ctimeMs: number;
  ino: number;
}

export function stampOf(file: string): FileStamp {
  try {
    const { size, mtimeMs, ctimeMs, ino } = statSync(file);
    return { file, size, mtimeMs, ctimeMs, ino };
  } catch {
    return { file, size: -1, mtimeMs: 0, ctimeMs: 0, ino: 0 };
  }
}

/** The error for the first file that is not what it was when its stamp was taken, or null. */
export function changedError(stamps: readonly FileStamp[], cause?: unknown): LlamaError | null {
  const changed = stamps.find((was) => {
    const now = stampOf(was.file);
    return (["size", "mtimeMs", "ctimeMs", "ino"] as const).some((key) => now[key] !== was[key]);
  });
  if (changed === undefined) return null;
  return new LlamaError("model", "was changed while it was read", {
    where: changed.file,
    fix: "Wait until the file is complete, then run again",
    ...(cause !== undefined && { cause }),
  });
}
