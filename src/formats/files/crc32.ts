/** Computes CRC-32 as zip uses it (ISO 3309, reversed polynomial). */
import zlib from "node:zlib";

const POLYNOMIAL = 0xedb88320;
let table: Uint32Array | undefined;

/** Whether CRC-32 costs almost nothing: Node has zlib.crc32 since 20.15. */
export const isCrcFast = typeof zlib.crc32 === "function";

/** CRC-32 of `bytes`, as an unsigned number; `before` is the CRC-32 of the bytes that precede them. */
export function crc32(bytes: Uint8Array, before = 0): number {
  return isCrcFast ? zlib.crc32(bytes, before) : crc32ByTable(bytes, before);
}

/** The same without zlib. */
export function crc32ByTable(bytes: Uint8Array, before = 0): number {
  table ??= makeTable();
  let crc = before ^ 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function makeTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, index) => {
    let crc = index;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    return crc;
  });
}
