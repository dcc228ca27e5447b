/** Computes CRC-32 as zip uses it (ISO 3309, reversed polynomial). */
import zlib from "node:zlib";

const POLYNOMIAL = 0xedb88320;
let tables: Uint32Array | undefined;

/** CRC-32 of `bytes`, as an unsigned number; `before` is the CRC-32 of the bytes that precede them. */
export function crc32(bytes: Uint8Array, before = 0): number {
  // Node has zlib.crc32 since 20.15.
  return typeof zlib.crc32 === "function" ? zlib.crc32(bytes, before) : crc32ByTables(bytes, before);
}

/** The same without zlib, eight bytes at a time (slicing-by-8; Kounavis and Berry, 2005): about 1 GB/s. */
export function crc32ByTables(bytes: Uint8Array, before = 0): number {
  tables ??= makeTables();
  const t = tables;
  const sliced = bytes.length - (bytes.length % 8);
  let crc = ~before;
  let i = 0;
  for (; i < sliced; i += 8) {
    const low = crc ^ (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
    crc =
      t[0x700 + (low & 0xff)]! ^
      t[0x600 + ((low >>> 8) & 0xff)]! ^
      t[0x500 + ((low >>> 16) & 0xff)]! ^
      t[0x400 + (low >>> 24)]! ^
      t[0x300 + bytes[i + 4]!]! ^
      t[0x200 + bytes[i + 5]!]! ^
      t[0x100 + bytes[i + 6]!]! ^
      t[bytes[i + 7]!]!;
  }
  for (; i < bytes.length; i++) crc = t[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** [8, 256]: table k has the CRC of a byte that k zero bytes follow. */
function makeTables(): Uint32Array {
  const made = new Uint32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    made[byte] = crc;
  }
  for (let i = 256; i < made.length; i++) {
    const before = made[i - 256]!;
    made[i] = made[before & 0xff]! ^ (before >>> 8);
  }
  return made;
}
