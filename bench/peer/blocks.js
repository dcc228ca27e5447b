/** Converts float32 rows to the element types of ggml, with the rounding of ggml's reference quantiser. Does not know files. */

/** Weights that share one scale. */
const BLOCK = 32;

/** By ggml's name: its number, weights and bytes of a block, and the encoder. */
export const TYPES = {
  F32: { id: 0, width: 1, bytes: 4, encode: encodeFloats },
  Q4_0: { id: 2, width: BLOCK, bytes: 2 + BLOCK / 2, encode: encodeQ4 },
  Q8_0: { id: 8, width: BLOCK, bytes: 2 + BLOCK, encode: encodeQ8 },
};

/** Bytes of `count` weights. */
export function byteLength(type, count) {
  const { width, bytes } = TYPES[type];
  if (count % width !== 0) throw new Error(`a row of ${count} weights is not a multiple of the blocks of ${type}`);
  return (count / width) * bytes;
}

/** @param {Float32Array} values @param {Uint8Array} out */
function encodeFloats(values, out) {
  out.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/** Encodes q in [-127, 127] with the scale largest / 127. */
function encodeQ8(values, out) {
  let at = 0;
  for (let start = 0; start < values.length; start += BLOCK) {
    let largest = 0;
    for (let i = start; i < start + BLOCK; i++) {
      const size = Math.abs(values[i]);
      if (size > largest) largest = size;
    }
    const scale = Math.fround(largest / 127);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    at = putHalf(out, at, scale);
    for (let i = start; i < start + BLOCK; i++) {
      const value = Math.fround(values[i] * inverse);
      // Like C's roundf: rounds halves away from zero.
      out[at++] = (value < 0 ? value - 0.5 : value + 0.5) | 0;
    }
  }
}

/** Encodes q + 8 in [0, 15] with a scale that makes the largest weight exactly -8; weights i and i + 16 share a byte. */
function encodeQ4(values, out) {
  const half = BLOCK / 2;
  let at = 0;
  for (let start = 0; start < values.length; start += BLOCK) {
    let size = 0;
    let largest = 0;
    for (let i = start; i < start + BLOCK; i++) {
      const value = values[i];
      if (Math.abs(value) > size) {
        size = Math.abs(value);
        largest = value;
      }
    }
    const scale = Math.fround(largest / -8);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    at = putHalf(out, at, scale);
    for (let i = start; i < start + half; i++) {
      out[at++] = nibble(values[i], inverse) | (nibble(values[i + half], inverse) << 4);
    }
  }
}

function nibble(value, inverse) {
  const level = Math.fround(Math.fround(value * inverse) + 8.5) | 0;
  return Math.min(level, 15);
}

const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

/** Writes a float32 as fp16, rounded to the nearest, ties to even; returns the offset after it. */
function putHalf(out, at, value) {
  single[0] = value;
  const sign = (bits[0] >>> 16) & 0x8000;
  const magnitude = bits[0] & 0x7fffffff;
  let half;
  if (magnitude >= 0x47800000) throw new Error(`${value} is too large for fp16`);
  if (magnitude < 0x38800000) {
    // A subnormal fp16 is a multiple of 2^-24.
    half = roundEven(Math.abs(value) * 2 ** 24);
  } else {
    const rest = magnitude & 0x1fff;
    half = (magnitude - 0x38000000) >>> 13;
    if (rest > 0x1000 || (rest === 0x1000 && (half & 1) === 1)) half++;
  }
  out[at] = half & 0xff;
  out[at + 1] = (half | sign) >>> 8;
  return at + 2;
}

function roundEven(value) {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
