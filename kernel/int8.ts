/**
 * Scores and weighted sums over int8 keys and values, for one or two queries that read a page of tokens once.
 * A query is int16 [width], a key int8 [width], values are int8 in pairs of tokens [pairs, width, 2]; width is a multiple of 16.
 */

/** Sums of the four lanes of each vector, as one vector. */
function sums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return i32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
}

/** Adds the products of eight int8 numbers with eight int16 numbers to four sums. */
function plus(sum: v128, wide: v128, x: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(wide, x));
}

/** scores[t] = scale * keyScales[t] * (key[t] . query) for tokens `first` to `end`, four at a time. */
export function scoreOne(
  keys: usize,
  keyScales: usize,
  query: usize,
  scores: usize,
  scale: f32,
  first: i32,
  end: i32,
  width: usize,
): void {
  const factor = f32x4.splat(scale);
  for (let t = first; t < end; t += 4) {
    const k0 = keys + <usize>t * width,
      k1 = k0 + width,
      k2 = k1 + width,
      k3 = k2 + width;
    let a0 = i32x4.splat(0),
      a1 = a0,
      a2 = a0,
      a3 = a0;
    for (let j: usize = 0; j < width; j += 16) {
      const x = v128.load(query + (j << 1)),
        y = v128.load(query + (j << 1), 16);
      a0 = plus(plus(a0, v128.load8x8_s(k0 + j), x), v128.load8x8_s(k0 + j, 8), y);
      a1 = plus(plus(a1, v128.load8x8_s(k1 + j), x), v128.load8x8_s(k1 + j, 8), y);
      a2 = plus(plus(a2, v128.load8x8_s(k2 + j), x), v128.load8x8_s(k2 + j, 8), y);
      a3 = plus(plus(a3, v128.load8x8_s(k3 + j), x), v128.load8x8_s(k3 + j, 8), y);
    }
    const ofTokens = f32x4.mul(v128.load(keyScales + ((<usize>t) << 2)), factor);
    v128.store(scores + ((<usize>t) << 2), f32x4.mul(f32x4.convert_i32x4_s(sums(a0, a1, a2, a3)), ofTokens));
  }
}

/** The same for two queries, whose scores are `step` bytes apart. */
export function scoreTwo(
  keys: usize,
  keyScales: usize,
  query: usize,
  scores: usize,
  step: usize,
  scale: f32,
  other: f32,
  first: i32,
  end: i32,
  width: usize,
): void {
  const next = query + (width << 1);
  for (let t = first; t < end; t += 4) {
    const k0 = keys + <usize>t * width,
      k1 = k0 + width,
      k2 = k1 + width,
      k3 = k2 + width;
    let a0 = i32x4.splat(0),
      a1 = a0,
      a2 = a0,
      a3 = a0,
      b0 = a0,
      b1 = a0,
      b2 = a0,
      b3 = a0;
    for (let j: usize = 0; j < width; j += 8) {
      const x = v128.load(query + (j << 1)),
        y = v128.load(next + (j << 1));
      let k = v128.load8x8_s(k0 + j);
      a0 = plus(a0, k, x);
      b0 = plus(b0, k, y);
      k = v128.load8x8_s(k1 + j);
      a1 = plus(a1, k, x);
      b1 = plus(b1, k, y);
      k = v128.load8x8_s(k2 + j);
      a2 = plus(a2, k, x);
      b2 = plus(b2, k, y);
      k = v128.load8x8_s(k3 + j);
      a3 = plus(a3, k, x);
      b3 = plus(b3, k, y);
    }
    const ofTokens = v128.load(keyScales + ((<usize>t) << 2));
    const to = scores + ((<usize>t) << 2);
    v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(sums(a0, a1, a2, a3)), f32x4.mul(ofTokens, f32x4.splat(scale))));
    v128.store(
      to + step,
      f32x4.mul(f32x4.convert_i32x4_s(sums(b0, b1, b2, b3)), f32x4.mul(ofTokens, f32x4.splat(other))),
    );
  }
}

/** sum = sum * kept + scale * integers, for four columns. */
function merge(sum: usize, integers: v128, kept: v128, scale: v128): void {
  v128.store(sum, f32x4.add(f32x4.mul(v128.load(sum), kept), f32x4.mul(f32x4.convert_i32x4_s(integers), scale)));
}

/** sums[column] = sums[column] * kept + scale * (weights . values of the column); `first` is even. A page's integers fit 32 bits. */
export function mixOne(
  weights: usize,
  values: usize,
  sums: usize,
  kept: f32,
  scale: f32,
  first: i32,
  end: i32,
  width: usize,
): void {
  const old = f32x4.splat(kept),
    factor = f32x4.splat(scale);
  let column: usize = 0;
  for (; column + 32 <= width; column += 32) {
    let a0 = i32x4.splat(0),
      a1 = a0,
      a2 = a0,
      a3 = a0,
      a4 = a0,
      a5 = a0,
      a6 = a0,
      a7 = a0;
    for (let t = first; t < end; t += 2) {
      const w = v128.load32_splat(weights + ((<usize>t) << 1));
      const v = values + <usize>t * width + (column << 1);
      a0 = plus(a0, v128.load8x8_s(v), w);
      a1 = plus(a1, v128.load8x8_s(v, 8), w);
      a2 = plus(a2, v128.load8x8_s(v, 16), w);
      a3 = plus(a3, v128.load8x8_s(v, 24), w);
      a4 = plus(a4, v128.load8x8_s(v, 32), w);
      a5 = plus(a5, v128.load8x8_s(v, 40), w);
      a6 = plus(a6, v128.load8x8_s(v, 48), w);
      a7 = plus(a7, v128.load8x8_s(v, 56), w);
    }
    const to = sums + (column << 2);
    merge(to, a0, old, factor);
    merge(to + 16, a1, old, factor);
    merge(to + 32, a2, old, factor);
    merge(to + 48, a3, old, factor);
    merge(to + 64, a4, old, factor);
    merge(to + 80, a5, old, factor);
    merge(to + 96, a6, old, factor);
    merge(to + 112, a7, old, factor);
  }
  for (; column < width; column += 16) {
    let a0 = i32x4.splat(0),
      a1 = a0,
      a2 = a0,
      a3 = a0;
    for (let t = first; t < end; t += 2) {
      const w = v128.load32_splat(weights + ((<usize>t) << 1));
      const v = values + <usize>t * width + (column << 1);
      a0 = plus(a0, v128.load8x8_s(v), w);
      a1 = plus(a1, v128.load8x8_s(v, 8), w);
      a2 = plus(a2, v128.load8x8_s(v, 16), w);
      a3 = plus(a3, v128.load8x8_s(v, 24), w);
    }
    const to = sums + (column << 2);
    merge(to, a0, old, factor);
    merge(to + 16, a1, old, factor);
    merge(to + 32, a2, old, factor);
    merge(to + 48, a3, old, factor);
  }
}

/** The same for two queries, whose weights are `step` bytes apart and whose sums follow each other. */
export function mixTwo(
  weights: usize,
  step: usize,
  values: usize,
  sums: usize,
  kept: f32,
  keptOther: f32,
  scale: f32,
  other: f32,
  first: i32,
  end: i32,
  width: usize,
): void {
  for (let column: usize = 0; column < width; column += 16) {
    let a0 = i32x4.splat(0),
      a1 = a0,
      a2 = a0,
      a3 = a0,
      b0 = a0,
      b1 = a0,
      b2 = a0,
      b3 = a0;
    for (let t = first; t < end; t += 2) {
      const w = v128.load32_splat(weights + ((<usize>t) << 1)),
        u = v128.load32_splat(weights + step + ((<usize>t) << 1));
      const at = values + <usize>t * width + (column << 1);
      let v = v128.load8x8_s(at);
      a0 = plus(a0, v, w);
      b0 = plus(b0, v, u);
      v = v128.load8x8_s(at, 8);
      a1 = plus(a1, v, w);
      b1 = plus(b1, v, u);
      v = v128.load8x8_s(at, 16);
      a2 = plus(a2, v, w);
      b2 = plus(b2, v, u);
      v = v128.load8x8_s(at, 24);
      a3 = plus(a3, v, w);
      b3 = plus(b3, v, u);
    }
    let to = sums + (column << 2);
    let old = f32x4.splat(kept),
      factor = f32x4.splat(scale);
    merge(to, a0, old, factor);
    merge(to + 16, a1, old, factor);
    merge(to + 32, a2, old, factor);
    merge(to + 48, a3, old, factor);
    to += width << 2;
    old = f32x4.splat(keptOther);
    factor = f32x4.splat(other);
    merge(to, b0, old, factor);
    merge(to + 16, b1, old, factor);
    merge(to + 32, b2, old, factor);
    merge(to + 48, b3, old, factor);
  }
}
