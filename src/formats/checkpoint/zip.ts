/** Reads the directory and the entries of a zip archive, including zip64 (PKWARE APPNOTE 6.3). Does not know what the entries contain. */
import { LlamaError } from "../../error.js";
import { type ByteSource, readBytes } from "../files/byte-source.js";
import { crc32 } from "../files/crc32.js";
import { canInflateTo, inflate } from "../files/inflate.js";
import { quoted } from "../files/quoted.js";
import { type Directory, findDirectory } from "./zip-directory.js";

export interface ZipEntry {
  name: string;
  /** Byte offset of the entry's data (compressed when `deflated`). */
  offset: number;
  /** Bytes in the archive. */
  storedSize: number;
  /** Bytes of the content. */
  size: number;
  deflated: boolean;
  crc32: number;
}

/** Each tensor is an entry; the largest models have a few thousand. */
const MAX_ENTRIES = 100_000;
/** Enough for that many entries with long names, and still little memory. */
const MAX_DIRECTORY_BYTES = 32 * 1024 * 1024;

const CENTRAL_SIGNATURE = 0x02014b50;
const CENTRAL_BYTES = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const ZIP64_EXTRA = 1;
/** Plain, strong and central-directory encryption. */
const ENCRYPTED_FLAGS = 0x2041;
const STORED = 0;
const DEFLATED = 8;

/** Whether a file begins like a zip archive. */
export function isZip(head: Uint8Array): boolean {
  return head[0] === 0x50 && head[1] === 0x4b; // "PK"
}

/** All entries by name; throws a LlamaError if the archive is truncated, corrupt or of a kind that torch never writes. */
export function listZip(source: ByteSource): Map<string, ZipEntry> {
  const directory = findDirectory(source);
  if (directory.entryCount > MAX_ENTRIES || directory.size > MAX_DIRECTORY_BYTES) {
    throw corrupt(source, `${directory.entryCount} entries in ${directory.size} bytes are too many`);
  }
  const bytes = Buffer.from(readBytes(source, directory.offset, directory.size).buffer);
  const entries = new Map<string, ZipEntry>();
  let position = 0;
  for (let count = 0; count < directory.entryCount; count++) {
    if (position + CENTRAL_BYTES > bytes.length || bytes.readUInt32LE(position) !== CENTRAL_SIGNATURE) {
      throw corrupt(source, `entry ${count} of the directory is missing`);
    }
    const nameEnd = position + CENTRAL_BYTES + bytes.readUInt16LE(position + 28);
    const extraEnd = nameEnd + bytes.readUInt16LE(position + 30);
    const end = extraEnd + bytes.readUInt16LE(position + 32);
    if (end > bytes.length) throw corrupt(source, `entry ${count} of the directory is truncated`);
    const header = bytes.subarray(position, position + CENTRAL_BYTES);
    const nameBytes = bytes.subarray(position + CENTRAL_BYTES, nameEnd);
    const entry = readEntry(source, directory, header, nameBytes, bytes.subarray(nameEnd, extraEnd));
    if (entries.has(entry.name)) throw corrupt(source, "two entries have the same name", entry.name);
    entries.set(entry.name, entry);
    position = end;
  }
  return entries;
}

/** The whole content of an entry of at most `limit` bytes, after checking its CRC. */
export function readZipEntry(source: ByteSource, entry: ZipEntry, limit: number): Uint8Array {
  const { name, size, storedSize } = entry;
  if (size > limit || storedSize > limit) {
    throw corrupt(source, `entry is too large: at most ${limit} bytes, found ${Math.max(size, storedSize)}`, name);
  }
  const stored = readBytes(source, entry.offset, storedSize);
  const content = entry.deflated ? inflate(stored, size, `${source.name}: ${quoted(name)}`) : stored;
  if (crc32(content) !== entry.crc32) throw corrupt(source, "checksum (CRC-32) does not match", name);
  return content;
}

function readEntry(
  source: ByteSource,
  directory: Directory,
  header: Buffer,
  nameBytes: Buffer,
  extra: Buffer,
): ZipEntry {
  const name = nameBytes.toString("utf8");
  if (header.readUInt16LE(8) & ENCRYPTED_FLAGS) {
    throw new LlamaError("model", "is encrypted, which is not supported", {
      where: `${source.name}: ${quoted(name)}`,
      fix: "Use the checkpoint as torch.save wrote it",
    });
  }
  const method = header.readUInt16LE(10);
  if (method !== STORED && method !== DEFLATED) {
    throw new LlamaError("model", "unknown compression method", {
      where: `${source.name}: ${quoted(name)}`,
      expected: "stored (0) or deflated (8)",
      found: String(method),
      fix: "Use the checkpoint as torch.save wrote it",
    });
  }
  const { size, storedSize, localOffset, disk } = readSizes(source, header, extra, name);
  if (disk !== 0) throw corrupt(source, "is on another volume; split archives are not supported", name);
  const deflated = method === DEFLATED;
  if (deflated ? !canInflateTo(storedSize, size) : storedSize !== size) {
    throw corrupt(source, `${storedSize} stored bytes cannot be ${size} bytes of content`, name);
  }
  const offset = dataOffset(source, directory, localOffset, nameBytes);
  if (offset + storedSize > directory.offset) throw corrupt(source, "entry extends beyond the data of the file", name);
  return { name, offset, storedSize, size, deflated, crc32: header.readUInt32LE(16) };
}

/** The value of a field with all bits set is in the zip64 extra field instead, in this order (APPNOTE 4.5.3). */
function readSizes(source: ByteSource, header: Buffer, extra: Buffer, name: string) {
  let zip64: Buffer | undefined;
  for (let at = 0; at + 4 <= extra.length && zip64 === undefined; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) === ZIP64_EXTRA) zip64 = extra.subarray(at + 4, at + 4 + extra.readUInt16LE(at + 2));
  }
  let used = 0;
  const wide = (value: number, allBits: number, bytes: 4 | 8): number => {
    if (value !== allBits) return value;
    if (zip64 === undefined || used + bytes > zip64.length) throw corrupt(source, "zip64 size is missing", name);
    const result = bytes === 8 ? Number(zip64.readBigUInt64LE(used)) : zip64.readUInt32LE(used);
    used += bytes;
    return result;
  };
  const size = wide(header.readUInt32LE(24), 0xffffffff, 8);
  const storedSize = wide(header.readUInt32LE(20), 0xffffffff, 8);
  const localOffset = wide(header.readUInt32LE(42), 0xffffffff, 8);
  const disk = wide(header.readUInt16LE(34), 0xffff, 4);
  if (!Number.isSafeInteger(size)) throw corrupt(source, `size ${size} is out of range`, name);
  return { size, storedSize, localOffset, disk };
}

/** Only the local header says where the data begins: its extra field may differ in length from the central one. */
function dataOffset(source: ByteSource, directory: Directory, localOffset: number, nameBytes: Buffer): number {
  const name = nameBytes.toString("utf8");
  if (localOffset + LOCAL_BYTES + nameBytes.length > directory.offset) {
    throw corrupt(source, "entry offset is outside the file", name);
  }
  const local = Buffer.from(readBytes(source, localOffset, LOCAL_BYTES + nameBytes.length).buffer);
  if (local.readUInt32LE(0) !== LOCAL_SIGNATURE) throw corrupt(source, "no entry at its offset", name);
  const localName = local.subarray(LOCAL_BYTES);
  if (local.readUInt16LE(26) !== nameBytes.length || !localName.equals(nameBytes)) {
    throw corrupt(source, `entry has another name in its own header: ${quoted(localName.toString("utf8"))}`, name);
  }
  return localOffset + LOCAL_BYTES + nameBytes.length + local.readUInt16LE(28);
}

function corrupt(source: ByteSource, problem: string, entryName?: string): LlamaError {
  const where = entryName === undefined ? source.name : `${source.name}: ${quoted(entryName)}`;
  return new LlamaError("model", `corrupt zip: ${problem}`, { where, fix: "Copy or download the file again" });
}
