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
  return errorOf(
    stamps.find((was) => differs(was, ["size", "mtimeMs", "ctimeMs", "ino"])),
    cause,
  );
}

/** The same for files that are kept open: they may be renamed, removed and replaced, but not written. */
export function overwrittenError(stamps: readonly FileStamp[]): LlamaError | null {
  return errorOf(stamps.find((was) => differs(was, ["size", "mtimeMs"], true)));
}

function differs(was: FileStamp, keys: readonly (keyof FileStamp)[], isOpen = false): boolean {
  const now = stampOf(was.file);
  if (isOpen && now.ino !== was.ino) return false;
  return keys.some((key) => now[key] !== was[key]);
}

function errorOf(changed: FileStamp | undefined, cause?: unknown): LlamaError | null {
  if (changed === undefined) return null;
  const isGone = stampOf(changed.file).size < 0;
  return new LlamaError("model", isGone ? "was removed while it was read" : "was changed while it was read", {
    where: changed.file,
    fix: isGone ? "Copy or download it again" : "Wait until the file is complete, then run again",
    ...(cause !== undefined && { cause }),
  });
}
