/**
 * Quantises weights and turns the residual stream while a model is loaded, with the bits of quantize.ts, grid-search.ts and
 * turned-stream.ts of src/model/architecture. The host lays out the memory; this module allocates nothing and knows no tensors.
 */
import { quantizeBlock4, wholeFour } from "./grid4";

export { turnColumns, turnRows } from "./stream";

/** The numbers of a block: in the matrix, or where the row ends within it, copied and followed by zeros. */
function blockAt(from: usize, count: i32, blockSize: i32, scratch: usize): usize {
  if (count >= blockSize) return from;
  memory.copy(scratch, from, (<usize>count) << 2);
  memory.fill(scratch + ((<usize>count) << 2), 0, (<usize>(blockSize - count)) << 2);
  return scratch;
}

/** What findRange has found. */
let least: f32 = 0;
let greatest: f32 = 0;

/** Finds `least` <= 0 and `greatest` >= 0 of a block; false if a number is NaN or infinite. */
function findRange(block: usize, blockSize: i32): bool {
  let low = f32x4.splat(0),
    high = low,
    check = low;
  for (let i: usize = 0; i < (<usize>blockSize) << 2; i += 16) {
    const x = v128.load(block + i);
    check = f32x4.add(check, f32x4.sub(x, x));
    low = f32x4.min(low, x);
    high = f32x4.max(high, x);
  }
  least = min(
    min(f32x4.extract_lane(low, 0), f32x4.extract_lane(low, 1)),
    min(f32x4.extract_lane(low, 2), f32x4.extract_lane(low, 3)),
  );
  greatest = max(
    max(f32x4.extract_lane(high, 0), f32x4.extract_lane(high, 1)),
    max(f32x4.extract_lane(high, 2), f32x4.extract_lane(high, 3)),
  );
  return i32x4.all_true(f32x4.eq(check, f32x4.splat(0)));
}

/** Four numbers as q of 8 bits in 32 bits, in double precision like the host. */
function steps8(x: v128, inverse: v128): v128 {
  const q = wholeFour(x, inverse, f64x2.splat(128.5));
  return i32x4.max_s(i32x4.min_s(q, i32x4.splat(255)), i32x4.splat(1));
}

/** Quantises [rows, columns] to 8 bits in blocks of `blockSize`, xor `zero` in each byte; false if a number is NaN or infinite. */
export function quantize8(
  from: usize,
  rows: i32,
  columns: i32,
  blockSize: i32,
  packed: usize,
  scales: usize,
  scratch: usize,
  zero: u8,
): bool {
  const zeros = i8x16.splat(zero);
  for (let row = 0; row < rows; row++) {
    for (let start = 0; start < columns; start += blockSize) {
      const block = blockAt(from + ((<usize>start) << 2), columns - start, blockSize, scratch);
      if (!findRange(block, blockSize)) return false;
      const scale: f32 = max(greatest, -least) / 127;
      const inverse = f64x2.splat(scale === 0 ? 0 : 1 / <f64>scale);
      for (let i: usize = 0; i < <usize>blockSize; i += 16) {
        const at = block + (i << 2);
        const a = i16x8.narrow_i32x4_s(steps8(v128.load(at), inverse), steps8(v128.load(at, 16), inverse));
        const b = i16x8.narrow_i32x4_s(steps8(v128.load(at, 32), inverse), steps8(v128.load(at, 48), inverse));
        v128.store(packed + i, v128.xor(i8x16.narrow_i16x8_u(a, b), zeros));
      }
      store<f32>(scales, scale);
      packed += <usize>blockSize;
      scales += 4;
    }
    from += (<usize>columns) << 2;
  }
  return true;
}

/**
 * Quantises [rows, columns] to 4 bits with a zero point for each block; false if a number is NaN or infinite. `tables`: the
 * errors, tried factors and zero points of grid-search.ts, one after another.
 */
export function quantize4(
  from: usize,
  rows: i32,
  columns: i32,
  blockSize: i32,
  packed: usize,
  scales: usize,
  zeros: usize,
  scratch: usize,
  tables: usize,
): bool {
  for (let row = 0; row < rows; row++) {
    let isUpper = false;
    for (let start = 0; start < columns; start += blockSize) {
      const block = blockAt(from + ((<usize>start) << 2), columns - start, blockSize, scratch);
      if (!findRange(block, blockSize)) return false;
      const zero = quantizeBlock4(block, blockSize, least, greatest, packed, scales, tables);
      store<u8>(zeros, isUpper ? load<u8>(zeros) | (zero << 4) : zero);
      if (isUpper) zeros++;
      isUpper = !isUpper;
      packed += <usize>blockSize >> 1;
      scales += 4;
    }
    if (isUpper) zeros++;
    from += (<usize>columns) << 2;
  }
  return true;
}
