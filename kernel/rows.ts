/** Writes rows of keys and values to a page in int8, with a scale for each token and head, and reads a head of a page as fp32. */

/** Tokens of a page. */
const PAGE = 256;

/** Quantises `headDim` numbers; returns the scale. Numbers that are not finite make the scale so. `step`: bytes between results. */
function quantise(from: usize, to: usize, headDim: i32, step: usize): f32 {
  let most: f32 = 0;
  for (let i = 0; i < headDim; i++) most = max(most, abs(load<f32>(from + ((<usize>i) << 2))));
  const factor: f32 = most > 0 ? 127 / most : 0;
  for (let i = 0; i < headDim; i++) {
    store<i8>(to, <i8>nearest(load<f32>(from + ((<usize>i) << 2)) * factor));
    to += step;
  }
  return most / 127;
}

/**
 * Writes `rows` rows of keys and values [rows, KV heads * headDim] to the tokens of a page from `slot` on. A head of a page has
 * keys [PAGE, width], values in pairs of tokens [PAGE / 2, width, 2], and the scales of both [PAGE].
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
      store<f32>(scales, quantise(keys, at + token * width, headDim, 1));
      const pair = at + matrix + (token >> 1) * (width << 1) + (token & 1);
      store<f32>(scales, quantise(values, pair, headDim, 2), PAGE << 2);
      keys += (<usize>headDim) << 2;
      values += (<usize>headDim) << 2;
    }
  }
}

/** Reads the first `tokens` tokens of a head of a page as fp32: keys and values [tokens, headDim]. */
export function readHead(head: usize, tokens: i32, headDim: i32, width: usize, keys: usize, values: usize): void {
  const matrix = <usize>PAGE * width;
  for (let t: usize = 0; t < <usize>tokens; t++) {
    const key = head + t * width,
      pair = head + matrix + (t >> 1) * (width << 1) + (t & 1);
    const scales = head + 2 * matrix + (t << 2);
    const ofKey = load<f32>(scales),
      ofValue = load<f32>(scales, PAGE << 2);
    for (let i = 0; i < headDim; i++) {
      store<f32>(keys + ((<usize>i) << 2), <f32>load<i8>(key + i) * ofKey);
      store<f32>(values + ((<usize>i) << 2), <f32>load<i8>(pair + ((<usize>i) << 1)) * ofValue);
    }
    keys += (<usize>headDim) << 2;
    values += (<usize>headDim) << 2;
  }
}
