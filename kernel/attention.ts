/**
 * Attention of a few queries over pages of keys and values, one page after another (online softmax, arXiv 2205.14135).
 * The host lays out the memory and says where things are; this module allocates nothing and knows no sequences or layers.
 */
import * as float32 from "./float32";
import * as int8 from "./int8";
import { magnitude, rounded } from "./rows";
import { expOne, exponentials, largest, weigh } from "./softmax";
import { turn, turnBack } from "./turn";

export { readHead, writeRows } from "./rows";
export { turnHeads } from "./turn";

/** Tokens of a page. */
const PAGE = 64;
/** Bytes of a query's scores of a page in fp32. */
const SCORES: usize = PAGE << 2;

// Per query: the largest score so far, the sum of the exponentials, what a page leaves of the older sums, the value of a weight.
const STATE: usize = 16;

/** to[i] = from[i] * factor. */
function scale(from: usize, to: usize, count: i32, factor: f32): void {
  const factors = f32x4.splat(factor);
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    v128.store(to + ((<usize>i) << 2), f32x4.mul(v128.load(from + ((<usize>i) << 2)), factors));
  }
  for (; i < count; i++) store<f32>(to + ((<usize>i) << 2), load<f32>(from + ((<usize>i) << 2)) * factor);
}

/** Clears the sums of `queries` queries [queries, width] and their states. */
export function begin(queries: i32, states: usize, sums: usize, width: usize): void {
  memory.fill(sums, 0, (<usize>queries * width) << 2);
  for (let n = 0; n < queries; n++) {
    const state = states + <usize>n * STATE;
    store<f32>(state, -Infinity);
    store<f32>(state, 0, 4);
  }
}

/**
 * Copies query rows [rows, heads * headDim] to queries [KV heads, rows, ratio, width] with a factor on every number: fp32, or
 * int16 with its scale in `scales` (null: fp32), turned as int8 keys are. Changes the rows.
 */
export function prepare(
  from: usize,
  rows: i32,
  kvHeads: i32,
  ratio: i32,
  headDim: i32,
  factor: f32,
  to: usize,
  width: usize,
  scales: usize,
): void {
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < kvHeads; head++) {
      for (let j = 0; j < ratio; j++) {
        const n = <usize>((head * rows + row) * ratio + j);
        if (scales === 0) {
          const at = to + ((n * width) << 2);
          scale(from, at, headDim, factor);
          memory.fill(at + ((<usize>headDim) << 2), 0, (width - headDim) << 2);
        } else {
          const at = to + ((n * width) << 1);
          turn(from, headDim);
          const most = magnitude(from, headDim);
          const steps: f32 = most > 0 ? 32767 / most : 0;
          let i = 0;
          for (; i + 8 <= headDim; i += 8) {
            v128.store(at + ((<usize>i) << 1), rounded(from + ((<usize>i) << 2), f32x4.splat(steps)));
          }
          for (; i < headDim; i++) {
            store<i16>(at + ((<usize>i) << 1), <i16>nearest(load<f32>(from + ((<usize>i) << 2)) * steps));
          }
          memory.fill(at + ((<usize>headDim) << 1), 0, (width - headDim) << 1);
          store<f32>(scales + (n << 2), (most / 32767) * factor);
        }
        from += (<usize>headDim) << 2;
      }
    }
  }
}

/**
 * Attends to a page whose first token has position `start`. `position`: that of the first row of queries; each row attends to
 * the `window` positions up to its own. A head of a page is keys, values, and in int8 the scales of both [PAGE].
 */
export function attend(
  page: usize,
  headBytes: usize,
  start: i32,
  position: i32,
  rows: i32,
  window: i32,
  kvHeads: i32,
  ratio: i32,
  queries: usize,
  scales: usize,
  states: usize,
  sums: usize,
  scores: usize,
  weights: usize,
  width: usize,
): void {
  const first = max(0, position + 1 - window - start),
    end = min(PAGE, position + rows - start);
  if (first >= end) return;
  const from = first & ~7,
    to = (end + 7) & ~7;
  const count = rows * ratio;
  const isInt8 = scales !== 0;
  const matrix = <usize>PAGE * width;
  for (let head = 0; head < kvHeads; head++) {
    const keys = page + <usize>head * headBytes;
    if (isInt8) {
      const keyScales = keys + 2 * matrix;
      let n = 0;
      for (; n + 2 <= count; n += 2) {
        const at = scales + ((<usize>n) << 2);
        int8.scoreTwo(
          keys,
          keyScales,
          queries + ((<usize>n * width) << 1),
          scores + <usize>n * SCORES,
          SCORES,
          load<f32>(at),
          load<f32>(at, 4),
          from,
          to,
          width,
        );
      }
      if (n < count) {
        const at = load<f32>(scales + ((<usize>n) << 2));
        int8.scoreOne(
          keys,
          keyScales,
          queries + ((<usize>n * width) << 1),
          scores + <usize>n * SCORES,
          at,
          from,
          to,
          width,
        );
      }
      for (n = 0; n < count; n++) {
        const row = position + n / ratio - start;
        soften(scores, states, n, from, to, max(0, row + 1 - window), min(PAGE, row + 1));
        const value = weigh(
          scores + <usize>n * SCORES,
          keyScales + SCORES,
          weights + <usize>n * (SCORES >> 1),
          from,
          to,
        );
        store<f32>(states + <usize>n * STATE, value, 12);
      }
      const values = keys + matrix;
      for (n = 0; n + 2 <= count; n += 2) {
        const state = states + <usize>n * STATE;
        int8.mixTwo(
          weights + <usize>n * (SCORES >> 1),
          SCORES >> 1,
          values,
          sums + ((<usize>n * width) << 2),
          load<f32>(state, 8),
          load<f32>(state, 8 + STATE),
          load<f32>(state, 12),
          load<f32>(state, 12 + STATE),
          from,
          to,
          width,
        );
      }
      if (n < count) {
        const state = states + <usize>n * STATE;
        int8.mixOne(
          weights + <usize>n * (SCORES >> 1),
          values,
          sums + ((<usize>n * width) << 2),
          load<f32>(state, 8),
          load<f32>(state, 12),
          from,
          to,
          width,
        );
      }
      queries += (<usize>count * width) << 1;
      scales += (<usize>count) << 2;
    } else {
      let n = 0;
      for (; n + 2 <= count; n += 2) {
        float32.scoreTwo(
          keys,
          queries + ((<usize>n * width) << 2),
          scores + <usize>n * SCORES,
          SCORES,
          from,
          to,
          width,
        );
      }
      if (n < count) {
        float32.scoreOne(keys, queries + ((<usize>n * width) << 2), scores + <usize>n * SCORES, from, to, width);
      }
      for (n = 0; n < count; n++) {
        const row = position + n / ratio - start;
        soften(scores, states, n, from, to, max(0, row + 1 - window), min(PAGE, row + 1));
      }
      const values = keys + (matrix << 2);
      for (n = 0; n + 2 <= count; n += 2) {
        const state = states + <usize>n * STATE;
        float32.mixTwo(
          scores + <usize>n * SCORES,
          SCORES,
          values,
          sums + ((<usize>n * width) << 2),
          load<f32>(state, 8),
          load<f32>(state, 8 + STATE),
          first,
          end,
          width,
        );
      }
      if (n < count) {
        const state = states + <usize>n * STATE;
        float32.mixOne(
          scores + <usize>n * SCORES,
          values,
          sums + ((<usize>n * width) << 2),
          load<f32>(state, 8),
          first,
          end,
          width,
        );
      }
      queries += (<usize>count * width) << 2;
    }
    states += <usize>count * STATE;
    sums += (<usize>count * width) << 2;
  }
}

/** Replaces a query's scores of tokens `first` to `end` by exponentials, all others of `from` to `to` by 0, and renews its state. */
function soften(scores: usize, states: usize, n: i32, from: i32, to: i32, first: i32, end: i32): void {
  const own = scores + <usize>n * SCORES,
    state = states + <usize>n * STATE;
  if (first >= end) {
    memory.fill(own + ((<usize>from) << 2), 0, (<usize>(to - from)) << 2);
    store<f32>(state, 1, 8);
    return;
  }
  for (let t = from; t < first; t++) store<f32>(own + ((<usize>t) << 2), -Infinity);
  for (let t = end; t < to; t++) store<f32>(own + ((<usize>t) << 2), -Infinity);
  const before = load<f32>(state);
  const most = max(before, largest(own, from, to));
  const kept = expOne(before - most);
  store<f32>(state, most);
  store<f32>(state, load<f32>(state, 4) * kept + exponentials(own, from, to, most), 4);
  store<f32>(state, kept, 8);
}

/** Writes the results [rows, heads * headDim]: the sums of each query divided by the sum of its exponentials, turned back if `isTurned`. */
export function finish(
  to: usize,
  rows: i32,
  kvHeads: i32,
  ratio: i32,
  headDim: i32,
  states: usize,
  sums: usize,
  width: usize,
  isTurned: bool,
): void {
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < kvHeads; head++) {
      for (let j = 0; j < ratio; j++) {
        const n = <usize>((head * rows + row) * ratio + j);
        const factor: f32 = 1 / load<f32>(states + n * STATE, 4);
        const at = sums + ((n * width) << 2);
        scale(at, to, headDim, factor);
        if (isTurned) turnBack(to, headDim);
        to += (<usize>headDim) << 2;
      }
    }
  }
}
