/** Finds the central directory of a zip archive from the records at its end, including zip64. Does not know entries. */
import { LlamaError } from "../../error.js";
import { type ByteSource, readBytes } from "../files/byte-source.js";

/** Where the central directory is. */
export interface Directory {
  offset: number;
  size: number;
  entryCount: number;
}

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const LOCATOR_SIGNATURE = 0x07064b50;
const LOCATOR_BYTES = 20;
const END64_SIGNATURE = 0x06064b50;
const END64_BYTES = 56;

/** Reads the end records; throws a LlamaError if they are missing, split over volumes or do not fit the file. */
export function findDirectory(source: ByteSource): Directory {
  const tailOffset = Math.max(0, source.size - END_BYTES - MAX_COMMENT_BYTES);
  const tail = Buffer.from(readBytes(source, tailOffset, source.size - tailOffset).buffer);
  const at = findEnd(tail);
  if (at === undefined) {
    throw new LlamaError("model", "is truncated: the directory at the end of the zip archive is missing", {
      where: source.name,
      found: `${source.size} bytes`,
      fix: "The download or copy did not finish: copy or download the file again, then check it against checklist.chk",
    });
  }
  const zip64 = readZip64(source, tailOffset + at);
  const end = zip64 ?? {
    position: tailOffset + at,
    disks: tail.readUInt16LE(at + 4) | tail.readUInt16LE(at + 6),
    entryCount: tail.readUInt16LE(at + 10),
    size: tail.readUInt32LE(at + 12),
    offset: tail.readUInt32LE(at + 16),
  };
  if (end.disks !== 0) {
    throw new LlamaError("model", "is one part of a split zip archive", {
      where: source.name,
      fix: "Join the parts into one file first",
    });
  }
  // The directory ends where the end record begins; anything else means that bytes were lost or added.
  if (end.offset + end.size !== end.position) {
    throw new LlamaError("model", "corrupt zip: the directory is not where it should be", {
      where: source.name,
      expected: `its end at offset ${end.offset + end.size}`,
      found: `offset ${end.position}`,
      fix: "Bytes are missing or were added: copy or download the file again",
    });
  }
  return { offset: end.offset, size: end.size, entryCount: end.entryCount };
}

/** The last end record whose comment ends exactly at the end of the file. */
function findEnd(tail: Buffer): number | undefined {
  for (let at = tail.length - END_BYTES; at >= 0; at--) {
    const isEnd = tail.readUInt32LE(at) === END_SIGNATURE;
    if (isEnd && at + END_BYTES + tail.readUInt16LE(at + 20) === tail.length) return at;
  }
  return undefined;
}

/** The zip64 end record, if there is a locator directly before the end record at `endOffset`. */
function readZip64(source: ByteSource, endOffset: number) {
  if (endOffset < LOCATOR_BYTES + END64_BYTES) return undefined;
  const locator = Buffer.from(readBytes(source, endOffset - LOCATOR_BYTES, LOCATOR_BYTES).buffer);
  if (locator.readUInt32LE(0) !== LOCATOR_SIGNATURE) return undefined;
  const position = Number(locator.readBigUInt64LE(8));
  const broken = new LlamaError("model", "corrupt zip: the zip64 end record is not where it should be", {
    where: source.name,
    fix: "Copy or download the file again",
  });
  if (position + END64_BYTES > endOffset) throw broken;
  const record = Buffer.from(readBytes(source, position, END64_BYTES).buffer);
  if (record.readUInt32LE(0) !== END64_SIGNATURE) throw broken;
  return {
    position,
    disks: locator.readUInt32LE(4) | record.readUInt32LE(16) | record.readUInt32LE(20),
    entryCount: Number(record.readBigUInt64LE(32)),
    size: Number(record.readBigUInt64LE(40)),
    offset: Number(record.readBigUInt64LE(48)),
  };
}
