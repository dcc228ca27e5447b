/** Reads a file once to compute its md5 and, for a zip archive, to check the CRC of every entry. Does not know tensors. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { LlamaError } from "../../error.js";
import { type ByteSource, openFile, readBytes, unreadable } from "../files/byte-source.js";
import { crc32 } from "../files/crc32.js";
import { quoted } from "../files/quoted.js";
import { isZip, listZip, readZipEntry, type ZipEntry } from "./zip.js";

const READ_BYTES = 4 * 1024 * 1024;
/** A compressed entry is held in memory as a whole; torch does not compress. */
const MAX_DEFLATED = 1024 ** 3;

export interface FileCheck {
  md5: string;
  /** Entries of the archive whose CRC was right; 0 if the file is not an archive. */
  entries: number;
}

/** Throws a LlamaError for an entry whose checksum is wrong, or the signal's reason. Calls `onBytes` with the bytes of each read. */
export async function checkFile(
  path: string,
  onBytes: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<FileCheck> {
  const source = openFile(path);
  try {
    const head = readBytes(source, 0, Math.min(2, source.size));
    const entries = isZip(head) ? sortEntries(source, [...listZip(source).values()]) : [];
    const md5 = createHash("md5");
    const check = entryChecker(
      source,
      entries.filter(({ deflated }) => !deflated),
    );
    let end = 0;
    for await (const { bytes, offset } of pieces(path, signal)) {
      md5.update(bytes);
      check(bytes, offset);
      end = offset + bytes.byteLength;
      onBytes(bytes.byteLength);
    }
    // Bytes that were not read were not checked.
    if (end < source.size) {
      const fix = "The file was changed while it was read: copy it again";
      const details = { where: path, expected: `${source.size} bytes`, found: String(end), fix };
      throw new LlamaError("model", "ends too early", details);
    }
    for (const entry of entries) if (entry.deflated) readZipEntry(source, entry, MAX_DEFLATED);
    return { md5: md5.digest("hex"), entries: entries.length };
  } finally {
    source.close();
  }
}

/** Sorts entries by offset; rejects entries that share bytes, which could be read any number of times. */
function sortEntries(source: ByteSource, entries: ZipEntry[]): ZipEntry[] {
  entries.sort((a, b) => a.offset - b.offset);
  let end = 0;
  for (const { name, offset, storedSize } of entries) {
    if (offset < end) {
      throw new LlamaError("model", "corrupt zip: two entries share bytes", {
        where: `${source.name}: ${quoted(name)}`,
        fix: "Copy or download the file again",
      });
    }
    end = offset + storedSize;
  }
  return entries;
}

/** Returns a function to call with the bytes of a file in order; it checks the CRC of each entry at its end. */
function entryChecker(source: ByteSource, entries: readonly ZipEntry[]): (bytes: Uint8Array, offset: number) => void {
  let index = 0;
  let crc = 0;
  return (bytes, offset) => {
    for (; index < entries.length; index++, crc = 0) {
      const entry = entries[index]!;
      const end = entry.offset + entry.storedSize;
      const from = Math.max(entry.offset, offset) - offset;
      if (from > bytes.byteLength) return;
      crc = crc32(bytes.subarray(from, Math.max(from, Math.min(end - offset, bytes.byteLength))), crc);
      if (end > offset + bytes.byteLength) return;
      if (crc === entry.crc32) continue;
      throw new LlamaError("model", "checksum (CRC-32) does not match", {
        where: `${source.name}: ${quoted(entry.name)}`,
        fix: "The file is damaged: copy or download it again",
      });
    }
  };
}

/** Yields the file from start to end; reads the next piece while the current one is used. */
async function* pieces(
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<{ bytes: Uint8Array; offset: number }, void, void> {
  const file = await open(path, "r");
  try {
    let [buffer, other] = [new Uint8Array(READ_BYTES), new Uint8Array(READ_BYTES)];
    let offset = 0;
    const read = async (target: Uint8Array, at: number): Promise<number> =>
      (await file.read(target, 0, READ_BYTES, at)).bytesRead;
    let next: Promise<number> = read(buffer, 0);
    for (;;) {
      const length: number = await next.catch((cause) => {
        throw unreadable(path, cause);
      });
      signal?.throwIfAborted();
      if (length === 0) return;
      next = read(other, offset + length);
      // if this read fails while the current piece is used, the error is thrown when `next` is awaited
      next.catch(() => {});
      yield { bytes: buffer.subarray(0, length), offset };
      offset += length;
      [buffer, other] = [other, buffer];
    }
  } finally {
    await file.close();
  }
}
