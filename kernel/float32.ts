/**
 * Scores and weighted sums over fp32 keys and values, for one or two queries that read a page of tokens once.
 * Queries, keys and values are fp32 [width]; width is a multiple of 16.
 */

/** Sums of the four lanes of each vector, as one vector. */
function sums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

function plus(sum: v128, a: v128, b: v128): v128 {
  return f32x4.add(sum, f32x4.mul(a, b));
}

/** scores[t] = key[t] . query for tokens `first` to `end`, four at a time. */
export function scoreOne(keys: usize, query: usize, scores: usize, first: i32, end: i32, width: usize): void {
  const bytes = width << 2;
  for (let t = first; t < end; t += 4) {
    const k0 = keys + <usize>t * bytes,
      k1 = k0 + bytes,
      k2 = k1 + bytes,
      k3 = k2 + bytes;
    let a0 = f32x4.splat(0),
      a1 = a0,
      a2 = a0,
      a3 = a0,
      b0 = a0,
      b1 = a0,
      b2 = a0,
      b3 = a0;
    for (let j: usize = 0; j < bytes; j += 32) {
      const x = v128.load(query + j),
        y = v128.load(query + j, 16);
      a0 = plus(a0, v128.load(k0 + j), x);
      b0 = plus(b0, v128.load(k0 + j, 16), y);
      a1 = plus(a1, v128.load(k1 + j), x);
      b1 = plus(b1, v128.load(k1 + j, 16), y);
      a2 = plus(a2, v128.load(k2 + j), x);
      b2 = plus(b2, v128.load(k2 + j, 16), y);
      a3 = plus(a3, v128.load(k3 + j), x);
      b3 = plus(b3, v128.load(k3 + j, 16), y);
    }
    v128.store(
      scores + ((<usize>t) << 2),
      sums(f32x4.add(a0, b0), f32x4.add(a1, b1), f32x4.add(a2, b2), f32x4.add(a3, b3)),
    );
  }
}

/** The same for two queries, whose scores are `step` bytes apart. */
export function scoreTwo(
  keys: usize,
  query: usize,
  scores: usize,
  step: usize,
  first: i32,
  end: i32,
  width: usize,
): void {
  const bytes = width << 2;
  for (let t = first; t < end; t += 4) {
    const k0 = keys + <usize>t * bytes,
      k1 = k0 + bytes,
      k2 = k1 + bytes,
      k3 = k2 + bytes;
    let a0 = f32x4.splat(0),
      a1 = a0,
      a2 = a0,
      a3 = a0,
      b0 = a0,
      b1 = a0,
      b2 = a0,
      b3 = a0;
    for (let j: usize = 0; j < bytes; j += 16) {
      const x = v128.load(query + j),
        y = v128.load(query + bytes + j);
      let k = v128.load(k0 + j);
      a0 = plus(a0, k, x);
      b0 = plus(b0, k, y);
      k = v128.load(k1 + j);
      a1 = plus(a1, k, x);
      b1 = plus(b1, k, y);
      k = v128.load(k2 + j);
      a2 = plus(a2, k, x);
      b2 = plus(b2, k, y);
      k = v128.load(k3 + j);
      a3 = plus(a3, k, x);
      b3 = plus(b3, k, y);
    }
    v128.store(scores + ((<usize>t) << 2), sums(a0, a1, a2, a3));
    v128.store(scores + step + ((<usize>t) << 2), sums(b0, b1, b2, b3));
  }
}

function scaled(at: usize, factor: v128): v128 {
  return f32x4.mul(v128.load(at), factor);
}

/** sums[column] = sums[column] * kept + weights . values of the column, for tokens `first` to `end`. */
export function mixOne(
  weights: usize,
  values: usize,
  sums: usize,
  kept: f32,
  first: i32,
  end: i32,
  width: usize,
): void {
  const old = f32x4.splat(kept),
    bytes = width << 2;
  let column: usize = 0;
  for (; column + 128 <= bytes; column += 128) {
    const to = sums + column;
    let a0 = scaled(to, old),
      a1 = scaled(to + 16, old),
      a2 = scaled(to + 32, old),
      a3 = scaled(to + 48, old);
    let a4 = scaled(to + 64, old),
      a5 = scaled(to + 80, old),
      a6 = scaled(to + 96, old),
      a7 = scaled(to + 112, old);
    for (let t = first; t < end; t++) {
      const w = v128.load32_splat(weights + ((<usize>t) << 2));
      const v = values + <usize>t * bytes + column;
      a0 = plus(a0, v128.load(v), w);
      a1 = plus(a1, v128.load(v, 16), w);
      a2 = plus(a2, v128.load(v, 32), w);
      a3 = plus(a3, v128.load(v, 48), w);
      a4 = plus(a4, v128.load(v, 64), w);
      a5 = plus(a5, v128.load(v, 80), w);
      a6 = plus(a6, v128.load(v, 96), w);
      a7 = plus(a7, v128.load(v, 112), w);
    }
    v128.store(to, a0);
    v128.store(to, a1, 16);
    v128.store(to, a2, 32);
    v128.store(to, a3, 48);
    v128.store(to, a4, 64);
    v128.store(to, a5, 80);
    v128.store(to, a6, 96);
    v128.store(to, a7, 112);
  }
  for (; column < bytes; column += 64) {
    const to = sums + column;
    let a0 = scaled(to, old),
      a1 = scaled(to + 16, old),
      a2 = scaled(to + 32, old),
      a3 = scaled(to + 48, old);
    for (let t = first; t < end; t++) {
      const w = v128.load32_splat(weights + ((<usize>t) << 2));
      const v = values + <usize>t * bytes + column;
      a0 = plus(a0, v128.load(v), w);
      a1 = plus(a1, v128.load(v, 16), w);
      a2 = plus(a2, v128.load(v, 32), w);
      a3 = plus(a3, v128.load(v, 48), w);
    }
    v128.store(to, a0);
    v128.store(to, a1, 16);
    v128.store(to, a2, 32);
    v128.store(to, a3, 48);
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
  first: i32,
  end: i32,
  width: usize,
): void {
  const old = f32x4.splat(kept),
    oldOther = f32x4.splat(keptOther),
    bytes = width << 2;
  for (let column: usize = 0; column < bytes; column += 64) {
    const to = sums + column,
      next = to + bytes;
    let a0 = scaled(to, old),
      a1 = scaled(to + 16, old),
      a2 = scaled(to + 32, old),
      a3 = scaled(to + 48, old);
    let b0 = scaled(next, oldOther),
      b1 = scaled(next + 16, oldOther);
    let b2 = scaled(next + 32, oldOther),
      b3 = scaled(next + 48, oldOther);
    for (let t = first; t < end; t++) {
      const w = v128.load32_splat(weights + ((<usize>t) << 2)),
        u = v128.load32_splat(weights + step + ((<usize>t) << 2));
      const at = values + <usize>t * bytes + column;
      let v = v128.load(at);
      a0 = plus(a0, v, w);
      b0 = plus(b0, v, u);
      v = v128.load(at, 16);
      a1 = plus(a1, v, w);
      b1 = plus(b1, v, u);
      v = v128.load(at, 32);
      a2 = plus(a2, v, w);
      b2 = plus(b2, v, u);
      v = v128.load(at, 48);
      a3 = plus(a3, v, w);
      b3 = plus(b3, v, u);
    }
    v128.store(to, a0);
    v128.store(to, a1, 16);
    v128.store(to, a2, 32);
    v128.store(to, a3, 48);
    v128.store(next, b0);
    v128.store(next, b1, 16);
    v128.store(next, b2, 32);
    v128.store(next, b3, 48);
  }
}
