/**
 * Turns a head by an orthogonal matrix, so that a few large channels become many that are equally large, and int8 loses less
 * (QuaRot, arXiv:2404.00456): signs, then the Hadamard matrix of the largest power of two in headDim. Where that is not headDim,
 * the first numbers are turned so, and then the last ones.
 */

/** Largest power of two up to headDim; below 4 nothing is turned. */
function sizeOf(headDim: i32): i32 {
  return headDim < 4 ? 0 : 1 << (31 - clz(headDim));
}

/** Four numbers times the Hadamard matrix of 4. */
function four(x: v128): v128 {
  const a = f32x4.add(v128.shuffle<i32>(x, x, 1, 0, 3, 2), v128.xor(x, i32x4(0, 0x80000000, 0, 0x80000000)));
  return f32x4.add(v128.shuffle<i32>(a, a, 2, 3, 0, 1), v128.xor(a, i32x4(0, 0, 0x80000000, 0x80000000)));
}

/**
 * Signs and 1 / sqrt(size) for the four numbers from 4 * index on. A number's sign is the parity of the pairs of bits in its
 * place that are both set: equal numbers are then spread over all channels, too (a bent function).
 */
function signs(index: i32, factor: v128): v128 {
  const isOdd = popcnt<i32>(index & (index >> 1) & 0x15555555) & 1;
  return v128.xor(factor, i32x4.splat(isOdd << 31));
}

function factorOf(size: i32): v128 {
  const factor: f32 = 1 / Mathf.sqrt(<f32>size);
  return f32x4.replace_lane(f32x4.splat(factor), 3, -factor);
}

/** The steps of the transform between vectors of four numbers: two at once, and one if it is left. */
function across(at: usize, size: i32): void {
  const end = at + ((<usize>size) << 2);
  let step: usize = 16;
  for (; step << 2 <= (<usize>size) << 2; step <<= 2) {
    for (let start = at; start < end; start += step << 2) {
      for (let a = start; a < start + step; a += 16) {
        const b = a + step,
          c = b + step,
          d = c + step;
        const ab = f32x4.add(v128.load(a), v128.load(b)),
          aMinusB = f32x4.sub(v128.load(a), v128.load(b)),
          cd = f32x4.add(v128.load(c), v128.load(d)),
          cMinusD = f32x4.sub(v128.load(c), v128.load(d));
        v128.store(a, f32x4.add(ab, cd));
        v128.store(b, f32x4.add(aMinusB, cMinusD));
        v128.store(c, f32x4.sub(ab, cd));
        v128.store(d, f32x4.sub(aMinusB, cMinusD));
      }
    }
  }
  if (step < (<usize>size) << 2) {
    for (let a = at; a < at + step; a += 16) {
      const x = v128.load(a),
        y = v128.load(a + step);
      v128.store(a, f32x4.add(x, y));
      v128.store(a + step, f32x4.sub(x, y));
    }
  }
}

function forward(at: usize, size: i32): void {
  const factor = factorOf(size);
  for (let i = 0; i < size >> 2; i++) {
    const to = at + ((<usize>i) << 4);
    v128.store(to, four(f32x4.mul(v128.load(to), signs(i, factor))));
  }
  across(at, size);
}

function backward(at: usize, size: i32): void {
  across(at, size);
  const factor = factorOf(size);
  for (let i = 0; i < size >> 2; i++) {
    const to = at + ((<usize>i) << 4);
    v128.store(to, f32x4.mul(four(v128.load(to)), signs(i, factor)));
  }
}

/** Turns a head [headDim] in place. */
export function turn(head: usize, headDim: i32): void {
  const size = sizeOf(headDim);
  if (size === 0) return;
  forward(head, size);
  if (size < headDim) forward(head + ((<usize>(headDim - size)) << 2), size);
}

/** Turns a head back. */
export function turnBack(head: usize, headDim: i32): void {
  const size = sizeOf(headDim);
  if (size === 0) return;
  if (size < headDim) backward(head + ((<usize>(headDim - size)) << 2), size);
  backward(head, size);
}

/** Turns heads [count, headDim] in place, or back. */
export function turnHeads(heads: usize, count: i32, headDim: i32, isBack: bool): void {
  for (let i = 0; i < count; i++) {
    const at = heads + ((<usize>(i * headDim)) << 2);
    if (isBack) turnBack(at, headDim);
    else turn(at, headDim);
  }
}
