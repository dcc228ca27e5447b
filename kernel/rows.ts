/** Writes rows of keys and values to a page in int8, turned, with a scale for each token and head, and reads a head of a page as fp32. */
import { turn } from "./turn";

/** Tokens of a page. */
const PAGE = 64;

/** The largest magnitude of `count` numbers; NaN if one is NaN. */
export function magnitude(from: usize, count: i32): f32 {
  let most = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= count; i += 4) most = f32x4.max(most, f32x4.abs(v128.load(from + ((<usize>i) << 2))));
  let one: f32 = max(
    max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  );
  for (; i < count; i++) one = max(one, abs(load<f32>(from + ((<usize>i) << 2))));
  return one;
}

/** Eight numbers times a factor, rounded to int16. */
export function rounded(from: usize, factor: v128): v128 {
  const low = f32x4.nearest(f32x4.mul(v128.load(from), factor));
  const high = f32x4.nearest(f32x4.mul(v128.load(from, 16), factor));
  return i16x8.narrow_i32x4_s(i32x4.trunc_sat_f32x4_s(low), i32x4.trunc_sat_f32x4_s(high));
}

/** Quantises a key to int8; returns the scale. Numbers that are not finite make the scale so. */
function writeKey(from: usize, to: usize, headDim: i32): f32 {
  const most = magnitude(from, headDim);
  const factor: f32 = most > 0 ? 127 / most : 0;
  const factors = f32x4.splat(factor);
  let i = 0;
  for (; i + 8 <= headDim; i += 8) {
    const numbers = rounded(from + ((<usize>i) << 2), factors);
    v128.store64_lane(to + <usize>i, i8x16.narrow_i16x8_s(numbers, numbers), 0);
  }
  for (; i < headDim; i++) store<i8>(to + <usize>i, <i8>nearest(load<f32>(from + ((<usize>i) << 2)) * factor));
  return most / 127;
}

/** Quantises values to int8, two bytes apart; returns the scale, as for a key. */
function writeValues(from: usize, to: usize, headDim: i32): f32 {
  const most = magnitude(from, headDim);
  const factor: f32 = most > 0 ? 127 / most : 0;
  const factors = f32x4.splat(factor);
  let i = 0;
  for (; i + 8 <= headDim; i += 8) {
    const numbers = rounded(from + ((<usize>i) << 2), factors);
    const at = to + ((<usize>i) << 1);
    v128.store8_lane(at, numbers, 0);
    v128.store8_lane(at, numbers, 2, 2);
    v128.store8_lane(at, numbers, 4, 4);
    v128.store8_lane(at, numbers, 6, 6);
    v128.store8_lane(at, numbers, 8, 8);
    v128.store8_lane(at, numbers, 10, 10);
    v128.store8_lane(at, numbers, 12, 12);
    v128.store8_lane(at, numbers, 14, 14);
  }
  for (; i < headDim; i++) store<i8>(to + ((<usize>i) << 1), <i8>nearest(load<f32>(from + ((<usize>i) << 2)) * factor));
  return most / 127;
}

/**
 * Writes `rows` rows of keys and values [rows, KV heads * headDim] to the tokens of a page from `slot` on. A head of a page has
 * keys [PAGE, width], values in pairs of tokens [PAGE / 2, width, 2], and the scales of both [PAGE]. Changes the rows.
 */
export function writeRows(
  page: usize,
  headBytes: usize,
  slot: i32,
  rows: i32,
  kvHeads: i32,
  headDim: i32,
  width: usize,
  keys: usize,
  values: usize,
): void {
  const matrix = <usize>PAGE * width;
  for (let row = 0; row < rows; row++) {
    const token = <usize>(slot + row);
    for (let head = 0; head < kvHeads; head++) {
      const at = page + <usize>head * headBytes;
      const scales = at + 2 * matrix + (token << 2);
      turn(keys, headDim);
      turn(values, headDim);
      store<f32>(scales, writeKey(keys, at + token * width, headDim));
      const pair = at + matrix + (token >> 1) * (width << 1) + (token & 1);
      store<f32>(scales, writeValues(values, pair, headDim), PAGE << 2);
      keys += (<usize>headDim) << 2;
      values += (<usize>headDim) << 2;
    }
  }
}

/** Stores eight int16 numbers as fp32, times a scale. */
function widen(to: usize, numbers: v128, scale: v128): void {
  v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(numbers)), scale));
  v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(numbers)), scale), 16);
}

/** Reads tokens `first` to `end` of a head of a page as fp32: keys and values [tokens, headDim], turned as they are in the page. */
export function readHead(
  head: usize,
  first: i32,
  end: i32,
  headDim: i32,
  width: usize,
  keys: usize,
  values: usize,
): void {
  const matrix = <usize>PAGE * width;
  for (let t = <usize>first; t < <usize>end; t++) {
    const key = head + t * width,
      pair = head + matrix + (t >> 1) * (width << 1);
    const scales = head + 2 * matrix + (t << 2);
    const ofKey = load<f32>(scales),
      ofValue = load<f32>(scales, PAGE << 2);
    // The byte of this token of a pair becomes the upper one, and then the number.
    const shift = t & 1 ? 0 : 8;
    let i = 0;
    for (; i + 8 <= headDim; i += 8) {
      widen(keys + ((<usize>i) << 2), v128.load8x8_s(key + <usize>i), f32x4.splat(ofKey));
      const numbers = i16x8.shr_s(i16x8.shl(v128.load(pair + ((<usize>i) << 1)), shift), 8);
      widen(values + ((<usize>i) << 2), numbers, f32x4.splat(ofValue));
    }
    for (; i < headDim; i++) {
      store<f32>(keys + ((<usize>i) << 2), <f32>load<i8>(key + <usize>i) * ofKey);
      store<f32>(values + ((<usize>i) << 2), <f32>load<i8>(pair + ((<usize>i) << 1) + (t & 1)) * ofValue);
    }
    keys += (<usize>headDim) << 2;
    values += (<usize>headDim) << 2;
  }
}
