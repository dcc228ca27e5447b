/** Converts stored numbers (fp16, bf16, fp32, fp64) to float32, many at a time. Does not know files. Assumes a little-endian host, as in practice all that run Node are. */
import { ELEMENT_BYTES, type FloatType } from "./stored-tensor.js";

/** float32 bits of each of the 65,536 fp16 values; made at first use. */
let halfBits: Uint32Array | undefined;

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
      convertHalves(aligned(bytes, 2), new Uint32Array(out.buffer, start, count));
      break;
    case "bf16":
      convertBfloats(aligned(bytes, 2), new Uint32Array(out.buffer, start, count));
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
function convertHalves(bytes: Uint8Array, bits: Uint32Array): void {
  halfBits ??= makeHalfBits();
  const table = halfBits;
  const source = new Uint16Array(bytes.buffer, bytes.byteOffset, bits.length);
  for (let i = 0; i < bits.length; i++) bits[i] = table[source[i]!]!;
}

function convertBfloats(bytes: Uint8Array, bits: Uint32Array): void {
  const source = new Uint16Array(bytes.buffer, bytes.byteOffset, bits.length);
  for (let i = 0; i < bits.length; i++) bits[i] = source[i]! << 16;
}

/** IEEE 754: fp16 has 5 exponent bits (bias 15) and 10 fraction bits, float32 has 8 (bias 127) and 23. */
function makeHalfBits(): Uint32Array {
  const table = new Uint32Array(65536);
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
