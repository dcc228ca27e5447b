/** Converts stored numbers (fp16, bf16, fp32, fp64, blocks of GGUF) to float32, many at a time. Does not know files. Assumes a little-endian host, as in practice all that run Node are. */

import { readIq4Nl, readQ4_0, readQ4_1, readQ5_0, readQ5_1, readQ8_0 } from "./blocks-of-32.js";
import { readIq4Xs, readQ2_K, readQ3_K, readQ4_K, readQ5_K, readQ6_K } from "./blocks-of-256.js";
import type { Range } from "./range.js";
import type { ReadBlocks } from "./read-blocks.js";
import { BLOCK_SIZES, type BlockType, ELEMENT_BYTES, type FloatType } from "./stored-tensor.js";

/** float32 bits of each of the 65,536 fp16 values, and the same as floats; made at first use. Signed: V8 copies unsigned ones by way of doubles. */
let halfBits: Int32Array<ArrayBuffer> | undefined;
let halfFloats: Float32Array | undefined;

/** The float32 of each of the 65,536 fp16 values. */
export function halves(): Float32Array {
  halfBits ??= makeHalfBits();
  halfFloats ??= new Float32Array(halfBits.buffer);
  return halfFloats;
}

const READERS: Readonly<Record<BlockType, ReadBlocks>> = {
  ...{ Q4_0: readQ4_0, Q4_1: readQ4_1, Q5_0: readQ5_0, Q5_1: readQ5_1, Q8_0: readQ8_0, IQ4_NL: readIq4Nl },
  ...{ Q2_K: readQ2_K, Q3_K: readQ3_K, Q4_K: readQ4_K, Q5_K: readQ5_K, Q6_K: readQ6_K, IQ4_XS: readIq4Xs },
};

/** Numbers of the block at an edge, of which only some are wanted. */
const edge = new Float32Array(256);

/**
 * Converts those numbers of a row that are within `columns` to float32; column c goes to out[at + c]. `bytes` has whole
 * blocks from column `first`.
 */
export function convertColumns(
  dtype: BlockType,
  bytes: Uint8Array,
  first: number,
  columns: Range,
  out: Float32Array,
  at: number,
): void {
  const { numbers, bytes: size } = BLOCK_SIZES[dtype];
  const end = first + (bytes.byteLength / size) * numbers;
  // the part in whole blocks
  const [start, stop] = [Math.max(first, columns.start), Math.min(end, columns.end)];
  const wholeStart = Math.min(Math.ceil(start / numbers) * numbers, end);
  const wholeEnd = Math.max(Math.floor(stop / numbers) * numbers, wholeStart);
  const bytesOf = (from: number, to: number) =>
    bytes.subarray(((from - first) / numbers) * size, ((to - first) / numbers) * size);
  if (wholeEnd > wholeStart) convertBlocks(dtype, bytesOf(wholeStart, wholeEnd), out, at + wholeStart);
  const partial = [[start, Math.min(wholeStart, stop)] as const, [Math.max(wholeEnd, start), stop] as const];
  for (const [from, to] of partial) {
    if (from >= to) continue;
    const block = from - (from % numbers);
    convertBlocks(dtype, bytesOf(block, block + numbers), edge, 0);
    out.set(edge.subarray(from - block, to - block), at + from);
  }
}

/** Converts all blocks in `bytes` to float32, into `out` from `outOffset` (elements). */
export function convertBlocks(dtype: BlockType, bytes: Uint8Array, out: Float32Array, outOffset: number): void {
  const size = BLOCK_SIZES[dtype];
  const count = bytes.byteLength / size.bytes;
  if (!Number.isInteger(count) || outOffset < 0 || outOffset + count * size.numbers > out.length) {
    throw new RangeError(`${bytes.byteLength} bytes of ${dtype} do not fit at ${outOffset} of ${out.length}`);
  }
  READERS[dtype](bytes, count, halves(), out, outOffset);
}

/**
 * Converts all elements in `bytes` (little-endian, of type `dtype`) to float32, into `out` from `outOffset` (elements).
 * NaN payloads are kept, except for fp64; fp64 is rounded to the nearest float32.
 */
export function convertToFloat32(dtype: FloatType, bytes: Uint8Array, out: Float32Array, outOffset: number): void {
  const count = bytes.byteLength / ELEMENT_BYTES[dtype];
  if (!Number.isInteger(count) || outOffset < 0 || outOffset + count > out.length) {
    throw new RangeError(`${bytes.byteLength} bytes of ${dtype} do not fit at ${outOffset} of ${out.length}`);
  }
  const start = out.byteOffset + outOffset * 4;
  switch (dtype) {
    case "fp16":
      convertHalves(aligned(bytes, 2), new Int32Array(out.buffer, start, count));
      break;
    case "bf16":
      convertBfloats(aligned(bytes, 2), new Int32Array(out.buffer, start, count));
      break;
    case "fp32":
      new Uint8Array(out.buffer, start, bytes.byteLength).set(bytes);
      break;
    case "fp64": {
      const source = aligned(bytes, 8);
      out.set(new Float64Array(source.buffer, source.byteOffset, count), outOffset);
    }
  }
}

// Writes bits, not floats: a NaN keeps its payload, and nothing is rounded.
function convertHalves(bytes: Uint8Array, bits: Int32Array): void {
  halfBits ??= makeHalfBits();
  const table = halfBits;
  const source = new Uint16Array(bytes.buffer, bytes.byteOffset, bits.length);
  for (let i = 0; i < bits.length; i++) bits[i] = table[source[i]!]!;
}

function convertBfloats(bytes: Uint8Array, bits: Int32Array): void {
  const source = new Uint16Array(bytes.buffer, bytes.byteOffset, bits.length);
  for (let i = 0; i < bits.length; i++) bits[i] = source[i]! << 16;
}

/** IEEE 754: fp16 has 5 exponent bits (bias 15) and 10 fraction bits, float32 has 8 (bias 127) and 23. */
function makeHalfBits(): Int32Array<ArrayBuffer> {
  const table = new Int32Array(65536);
  for (let half = 0; half < 65536; half++) {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0x1f) {
      table[half] = sign | 0x7f800000 | (fraction << 13);
    } else if (exponent > 0) {
      table[half] = sign | ((exponent + 112) << 23) | (fraction << 13);
    } else if (fraction > 0) {
      // A subnormal fp16 is a normal float32: shift its leading one out of the fraction.
      const shift = Math.clz32(fraction) - 21;
      table[half] = sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
    } else {
      table[half] = sign;
    }
  }
  return table;
}

/** Typed arrays need an aligned start; copies the bytes if they have none. */
function aligned(bytes: Uint8Array, size: number): Uint8Array {
  return bytes.byteOffset % size === 0 ? bytes : bytes.slice();
}
