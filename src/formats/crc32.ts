/** CRC-32 as zip uses it (ISO 3309, reversed polynomial). Knows bytes only. */
import zlib from "node:zlib";

const POLYNOMIAL = 0xedb88320;
let table: Uint32Array | undefined;

/** CRC-32 of `bytes`, as an unsigned number. */
export function crc32(bytes: Uint8Array): number {
  // zlib.crc32 came with Node 20.15.
  return typeof zlib.crc32 === "function" ? zlib.crc32(bytes) : crc32ByTable(bytes);
}

/** The same without zlib's help. */
export function crc32ByTable(bytes: Uint8Array): number {
  table ??= makeTable();
  let crc = 0xffffffff;
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
