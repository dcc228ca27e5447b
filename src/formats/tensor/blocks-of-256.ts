/**
 * Reads GGUF's types that store 256 numbers in a block, with scales for each 16 or 32, as float32 (ggml-quants.c,
 * dequantize_row_*). The results are those of that code, bit for bit. Does not know files.
 */
import { IQ4_VALUES } from "./blocks-of-32.js";
import type { ReadBlocks } from "./read-blocks.js";

/** Scales of 16 numbers: [16 scales and minima, 4 bits each; 64 bytes of 2 bits; d; dmin]. */
export const readQ2_K: ReadBlocks = (bytes, count, half, out, start) => {
  for (let block = 0, from = 0, to = start; block < count; block++, from += 84) {
    const d = half[bytes[from + 80]! | (bytes[from + 81]! << 8)]!;
    const dmin = half[bytes[from + 82]! | (bytes[from + 83]! << 8)]!;
    for (let group = 0; group < 16; group++, to += 16) {
      const scale = bytes[from + group]!;
      const [dl, ml] = [d * (scale & 15), dmin * (scale >> 4)];
      const qs = from + 16 + (group >> 3) * 32 + (group & 1) * 16;
      const shift = group & 6;
      for (let i = 0; i < 16; i++) out[to + i] = dl * ((bytes[qs + i]! >> shift) & 3) - ml;
    }
  }
};

/** Scales of 16 numbers: [32 bytes of third bits; 64 bytes of 2 bits; 16 scales of 6 bits; d]. */
export const readQ3_K: ReadBlocks = (bytes, count, half, out, start) => {
  for (let block = 0, from = 0, to = start; block < count; block++, from += 110) {
    const d = half[bytes[from + 108]! | (bytes[from + 109]! << 8)]!;
    for (let group = 0; group < 16; group++, to += 16) {
      const low = bytes[from + 96 + (group & 7)]! >> ((group >> 3) * 4);
      const high = bytes[from + 104 + (group & 3)]! >> ((group >> 2) * 2);
      const dl = d * (((low & 15) | ((high & 3) << 4)) - 32);
      const qs = from + 32 + (group >> 3) * 32 + (group & 1) * 16;
      const shift = group & 6;
      const mask = from + (group & 1) * 16;
      const bit = group >> 1;
      for (let i = 0; i < 16; i++) {
        out[to + i] = dl * (((bytes[qs + i]! >> shift) & 3) - 4 + (((bytes[mask + i]! >> bit) & 1) << 2));
      }
    }
  }
};

/** Scales and minima of 32 numbers: [d; dmin; 8 scales and 8 minima of 6 bits; 128 bytes of 4 bits]. */
export const readQ4_K: ReadBlocks = (bytes, count, half, out, start) => {
  for (let block = 0, from = 0, to = start; block < count; block++, from += 144) {
    const d = half[bytes[from]! | (bytes[from + 1]! << 8)]!;
    const dmin = half[bytes[from + 2]! | (bytes[from + 3]! << 8)]!;
    for (let pair = 0; pair < 4; pair++, to += 64) {
      const dl = d * scaleOf(bytes, from + 4, 2 * pair);
      const ml = dmin * minimumOf(bytes, from + 4, 2 * pair);
      const dh = d * scaleOf(bytes, from + 4, 2 * pair + 1);
      const mh = dmin * minimumOf(bytes, from + 4, 2 * pair + 1);
      const qs = from + 16 + pair * 32;
      for (let i = 0; i < 32; i++) {
        const q = bytes[qs + i]!;
        out[to + i] = dl * (q & 15) - ml;
        out[to + 32 + i] = dh * (q >> 4) - mh;
      }
    }
  }
};

/** Scales and minima of 32 numbers: [d; dmin; scales and minima as in Q4_K; 32 bytes of fifth bits; 128 bytes of 4 bits]. */
export const readQ5_K: ReadBlocks = (bytes, count, half, out, start) => {
  for (let block = 0, from = 0, to = start; block < count; block++, from += 176) {
    const d = half[bytes[from]! | (bytes[from + 1]! << 8)]!;
    const dmin = half[bytes[from + 2]! | (bytes[from + 3]! << 8)]!;
    const qh = from + 16;
    for (let pair = 0; pair < 4; pair++, to += 64) {
      const dl = d * scaleOf(bytes, from + 4, 2 * pair);
      const ml = dmin * minimumOf(bytes, from + 4, 2 * pair);
      const dh = d * scaleOf(bytes, from + 4, 2 * pair + 1);
      const mh = dmin * minimumOf(bytes, from + 4, 2 * pair + 1);
      const qs = from + 48 + pair * 32;
      for (let i = 0; i < 32; i++) {
        const q = bytes[qs + i]!;
        const high = bytes[qh + i]! >> (2 * pair);
        out[to + i] = dl * ((q & 15) | ((high & 1) << 4)) - ml;
        out[to + 32 + i] = dh * ((q >> 4) | ((high & 2) << 3)) - mh;
      }
    }
  }
};

/** Scales of 16 numbers: [128 bytes of 4 bits; 64 bytes of 2 more bits; 16 signed scales; d]. */
export const readQ6_K: ReadBlocks = (bytes, count, half, out, start) => {
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let block = 0, from = 0, to = start; block < count; block++, from += 210, to += 256) {
    const d = half[bytes[from + 208]! | (bytes[from + 209]! << 8)]!;
    // 16 numbers of each of four groups have their upper bits in the same bytes.
    for (let part = 0; part < 4; part++) {
      const side = part >> 1;
      const column = (part & 1) * 16;
      const scales = from + 192 + side * 8 + (part & 1);
      const [d0, d1] = [d * signed[scales]!, d * signed[scales + 2]!];
      const [d2, d3] = [d * signed[scales + 4]!, d * signed[scales + 6]!];
      const low = from + side * 64 + column;
      const high = from + 128 + side * 32 + column;
      const target = to + side * 128 + column;
      for (let i = 0; i < 16; i++) {
        const [a, b, h] = [bytes[low + i]!, bytes[low + 32 + i]!, bytes[high + i]!];
        out[target + i] = d0 * (((a & 15) | ((h & 3) << 4)) - 32);
        out[target + 32 + i] = d1 * (((b & 15) | ((h & 12) << 2)) - 32);
        out[target + 64 + i] = d2 * (((a >> 4) | (h & 48)) - 32);
        out[target + 96 + i] = d3 * (((b >> 4) | ((h & 192) >> 2)) - 32);
      }
    }
  }
};

/** Scales of 32 numbers: [d; 16 bits with the upper 2 of each scale; 4 bytes with the lower 4; 128 bytes of 4 bits]. */
export const readIq4Xs: ReadBlocks = (bytes, count, half, out, start) => {
  for (let block = 0, from = 0, to = start; block < count; block++, from += 136) {
    const d = half[bytes[from]! | (bytes[from + 1]! << 8)]!;
    const high = bytes[from + 2]! | (bytes[from + 3]! << 8);
    for (let group = 0; group < 8; group++, to += 32) {
      const low = bytes[from + 4 + (group >> 1)]! >> ((group & 1) * 4);
      const dl = d * (((low & 15) | (((high >> (2 * group)) & 3) << 4)) - 32);
      const qs = from + 8 + group * 16;
      for (let i = 0; i < 16; i++) {
        const q = bytes[qs + i]!;
        out[to + i] = dl * IQ4_VALUES[q & 15]!;
        out[to + 16 + i] = dl * IQ4_VALUES[q >> 4]!;
      }
    }
  }
};

/** The scale of 32 numbers: 8 scales and 8 minima of 6 bits are packed into 12 bytes from `at`. */
function scaleOf(bytes: Uint8Array, at: number, index: number): number {
  if (index < 4) return bytes[at + index]! & 63;
  return (bytes[at + 4 + index]! & 15) | ((bytes[at + index - 4]! >> 2) & 48);
}

function minimumOf(bytes: Uint8Array, at: number, index: number): number {
  if (index < 4) return bytes[at + 4 + index]! & 63;
  return (bytes[at + 4 + index]! >> 4) | ((bytes[at + index]! >> 2) & 48);
}
