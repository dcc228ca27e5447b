/** Reads bytes at offsets, through one small interface for files and buffers. Does not know what the bytes mean. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { LlamaError } from "../../error.js";
import { fileError } from "./file-error.js";

export interface ByteSource {
  /** File path or other name, for error messages. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Fills `target` from `offset`; throws a LlamaError if the source ends before that or cannot be read. */
  readInto(target: Uint8Array, offset: number): void;
  close(): void;
}

/** Opens a regular file for positioned, synchronous reads. */
export function openFile(path: string): ByteSource {
  let fd: number;
  try {
    // Without O_NONBLOCK, opening a pipe that has no writer would block forever.
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    throw fileError(path, cause, "model");
  }
  const stat = fstatSync(fd);
  if (!stat.isFile()) {
    closeSync(fd);
    throw new LlamaError("model", "is not a file", { where: path });
  }
  return {
    name: path,
    size: stat.size,
    readInto(target, offset) {
      let done = 0;
      while (done < target.byteLength) {
        let got: number;
        try {
          got = readSync(fd, target, done, target.byteLength - done, offset + done);
        } catch (cause) {
          throw unreadable(path, cause);
        }
        if (got === 0) {
          throw new LlamaError("model", "ends too early", {
            where: path,
            expected: `${target.byteLength} bytes at offset ${offset}`,
            found: `${done} bytes`,
            fix: "The file is truncated or was changed while it was read: copy it again",
          });
        }
        done += got;
      }
    },
    close: () => closeSync(fd),
  };
}

/** The error for a file that fails while it is read, for example because of its disk or network. */
export function unreadable(path: string, cause: unknown): LlamaError {
  return fileError(path, cause, "model", { fix: "Its disk or network may be failing: copy it to another place" });
}

/** Reads `length` bytes at `offset` into a new array, after checking that the source is long enough. */
export function readBytes(source: ByteSource, offset: number, length: number): Uint8Array {
  if (offset < 0 || length < 0 || offset + length > source.size) {
    throw new LlamaError("model", "ends too early", {
      where: source.name,
      expected: `${length} bytes at offset ${offset}`,
      found: `${source.size} bytes in total`,
      fix: "The file is truncated: copy it again",
    });
  }
  const bytes = new Uint8Array(length);
  source.readInto(bytes, offset);
  return bytes;
}

/** Reads a small file as a whole; `what` names its kind in the error for a file of more than `limit` bytes. */
export function readWhole(path: string, limit: number, what: string): Uint8Array {
  const source = openFile(path);
  try {
    return readAll(source, limit, what);
  } finally {
    source.close();
  }
}

/** The same for a source that is open. */
export function readAll(source: ByteSource, limit: number, what: string): Uint8Array {
  if (source.size > limit) {
    throw new LlamaError("model", `is too large for ${what}`, {
      where: source.name,
      expected: `at most ${limit} bytes`,
      found: String(source.size),
    });
  }
  return readBytes(source, 0, source.size);
}
