/**
 * Reads GGUF's types that store 32 numbers in a block as float32 (ggml-quants.c, dequantize_row_*). The results are those of
 * that code, bit for bit: products and sums are exact in double precision, and are rounded once. Does not know files.
 */
import type { ReadBlocks } from "./read-blocks.js";

/** Values of the 16 codes of IQ4_NL and IQ4_XS (ggml-common.h, kvalues_iq4nl). */
export const IQ4_VALUES = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

export const readQ8_0: ReadBlocks = (bytes, count, half, out, start) => {
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let block = 0, from = 0, to = start; block < count; block++, from += 34, to += 32) {
    const d = half[bytes[from]! | (bytes[from + 1]! << 8)]!;
    for (let i = 0; i < 32; i++) out[to + i] = d * signed[from + 2 + i]!;
  }
};

/** Four bits each: the low ones are the first half of the block. */
export const readQ4_0: ReadBlocks = (bytes, count, half, out, start) => {
  for (let block = 0, from = 0, to = start; block < count; block++, from += 18, to += 32) {
    const d = half[bytes[from]! | (bytes[from + 1]! << 8)]!;
    for (let i = 0; i < 16; i++) {
      const q = bytes[from + 2 + i]!;
      out[to + i] = d * ((q & 15) - 8);
      out[to + 16 + i] = d * ((q >> 4) - 8);
    }
  }
};

export const readQ4_1: ReadBlocks = (bytes, count, half, out, start) => {
  for (let block = 0, from = 0, to = start; block < count; block++, from += 20, to += 32) {
    const d = half[bytes[from]! | (bytes[from + 1]! << 8)]!;
    const m = half[bytes[from + 2]! | (bytes[from + 3]! << 8)]!;
    for (let i = 0; i < 16; i++) {
      const q = bytes[from + 4 + i]!;
      out[to + i] = d * (q & 15) + m;
      out[to + 16 + i] = d * (q >> 4) + m;
    }
  }
};

/** A word has the fifth bit of every number. */
export const readQ5_0: ReadBlocks = (bytes, count, half, out, start) => {
  for (let block = 0, from = 0, to = start; block < count; block++, from += 22, to += 32) {
    const d = half[bytes[from]! | (bytes[from + 1]! << 8)]!;
    const high = bytes[from + 2]! | (bytes[from + 3]! << 8) | (bytes[from + 4]! << 16) | (bytes[from + 5]! << 24);
    for (let i = 0; i < 16; i++) {
      const q = bytes[from + 6 + i]!;
      out[to + i] = d * (((q & 15) | (((high >>> i) << 4) & 16)) - 16);
      out[to + 16 + i] = d * (((q >> 4) | ((high >>> (i + 12)) & 16)) - 16);
    }
  }
};

export const readQ5_1: ReadBlocks = (bytes, count, half, out, start) => {
  for (let block = 0, from = 0, to = start; block < count; block++, from += 24, to += 32) {
    const d = half[bytes[from]! | (bytes[from + 1]! << 8)]!;
    const m = half[bytes[from + 2]! | (bytes[from + 3]! << 8)]!;
    const high = bytes[from + 4]! | (bytes[from + 5]! << 8) | (bytes[from + 6]! << 16) | (bytes[from + 7]! << 24);
    for (let i = 0; i < 16; i++) {
      const q = bytes[from + 8 + i]!;
      out[to + i] = d * ((q & 15) | (((high >>> i) << 4) & 16)) + m;
      out[to + 16 + i] = d * ((q >> 4) | ((high >>> (i + 12)) & 16)) + m;
    }
  }
};

export const readIq4Nl: ReadBlocks = (bytes, count, half, out, start) => {
  for (let block = 0, from = 0, to = start; block < count; block++, from += 18, to += 32) {
    const d = half[bytes[from]! | (bytes[from + 1]! << 8)]!;
    for (let i = 0; i < 16; i++) {
      const q = bytes[from + 2 + i]!;
      out[to + i] = d * IQ4_VALUES[q & 15]!;
      out[to + 16 + i] = d * IQ4_VALUES[q >> 4]!;
    }
  }
};
