/** Turns rows and columns of matrices for the residual stream, with the bits of src/model/architecture/turned-stream.ts, two numbers at once. */

/** Pairs of columns that are turned at once, next to each other in memory. */
const STRIP = 8;

/** Multiplies `width` pairs of numbers at `at` by the Hadamard matrix, in place: three steps at once, and one by one what is left. */
function transform(at: usize, width: i32): void {
  const end = at + ((<usize>width) << 4);
  let step: usize = 16;
  for (; step << 3 <= (<usize>width) << 4; step <<= 3) {
    for (let start = at; start < end; start += step << 3) {
      for (let i = start; i < start + step; i += 16) eight(i, step);
    }
  }
  for (; step < (<usize>width) << 4; step <<= 1) {
    for (let start = at; start < end; start += step << 1) {
      for (let i = start; i < start + step; i += 16) {
        const a = v128.load(i),
          b = v128.load(i + step);
        v128.store(i, f64x2.add(a, b));
        v128.store(i + step, f64x2.sub(a, b));
      }
    }
  }
}

/** Three steps for eight pairs, `step` apart. */
function eight(i: usize, step: usize): void {
  const i1 = i + step,
    i2 = i1 + step,
    i3 = i2 + step,
    i4 = i3 + step,
    i5 = i4 + step,
    i6 = i5 + step,
    i7 = i6 + step;
  let a = v128.load(i),
    b = v128.load(i1);
  const x0 = f64x2.add(a, b),
    x1 = f64x2.sub(a, b);
  a = v128.load(i2);
  b = v128.load(i3);
  const x2 = f64x2.add(a, b),
    x3 = f64x2.sub(a, b);
  a = v128.load(i4);
  b = v128.load(i5);
  const x4 = f64x2.add(a, b),
    x5 = f64x2.sub(a, b);
  a = v128.load(i6);
  b = v128.load(i7);
  const x6 = f64x2.add(a, b),
    x7 = f64x2.sub(a, b);
  v128.store(i, f64x2.add(f64x2.add(x0, x2), f64x2.add(x4, x6)));
  v128.store(i1, f64x2.add(f64x2.add(x1, x3), f64x2.add(x5, x7)));
  v128.store(i2, f64x2.add(f64x2.sub(x0, x2), f64x2.sub(x4, x6)));
  v128.store(i3, f64x2.add(f64x2.sub(x1, x3), f64x2.sub(x5, x7)));
  v128.store(i4, f64x2.sub(f64x2.add(x0, x2), f64x2.add(x4, x6)));
  v128.store(i5, f64x2.sub(f64x2.add(x1, x3), f64x2.add(x5, x7)));
  v128.store(i6, f64x2.sub(f64x2.sub(x0, x2), f64x2.sub(x4, x6)));
  v128.store(i7, f64x2.sub(f64x2.sub(x1, x3), f64x2.sub(x5, x7)));
}

function isFinite2(check: v128): bool {
  return i64x2.all_true(f64x2.eq(check, f64x2.splat(0)));
}

/**
 * Rows [rows, dim] in place, in blocks of `width`, with `factors` [dim] before, as doubles; false if a number is NaN or infinite,
 * before its block is changed. `scratch`: width pairs of doubles.
 */
export function turnRows(from: usize, rows: i32, dim: i32, width: i32, factors: usize, scratch: usize): bool {
  const perRow = dim / width;
  const blocks = rows * perRow;
  for (let n = 0; n < blocks; n += 2) {
    // Two blocks at once; the last one of an odd number with itself.
    const m = min(n + 1, blocks - 1);
    const a = from + ((<usize>(n * width)) << 2),
      b = from + ((<usize>(m * width)) << 2);
    const fa = factors + ((<usize>((n % perRow) * width)) << 3),
      fb = factors + ((<usize>((m % perRow) * width)) << 3);
    let check = f64x2.splat(0);
    for (let i: usize = 0; i < <usize>width; i += 2) {
      const x = f64x2.promote_low_f32x4(v128.load64_zero(a + (i << 2))),
        y = f64x2.promote_low_f32x4(v128.load64_zero(b + (i << 2)));
      check = f64x2.add(check, f64x2.add(f64x2.sub(x, x), f64x2.sub(y, y)));
      const p = f64x2.mul(x, v128.load(fa + (i << 3))),
        q = f64x2.mul(y, v128.load(fb + (i << 3)));
      v128.store(scratch + (i << 4), v128.shuffle<i64>(p, q, 0, 2));
      v128.store(scratch + (i << 4), v128.shuffle<i64>(p, q, 1, 3), 16);
    }
    if (!isFinite2(check)) return false;
    transform(scratch, width);
    for (let i: usize = 0; i < <usize>width; i += 2) {
      const p = v128.load(scratch + (i << 4)),
        q = v128.load(scratch + (i << 4), 16);
      v128.store64_lane(a + (i << 2), f32x4.demote_f64x2_zero(v128.shuffle<i64>(p, q, 0, 2)), 0);
      v128.store64_lane(b + (i << 2), f32x4.demote_f64x2_zero(v128.shuffle<i64>(p, q, 1, 3)), 0);
    }
  }
  return true;
}

/** Columns of [rows, columns] in place, in blocks of `width` rows, with a factor for each row before. `scratch`: STRIP * width pairs of doubles. */
export function turnColumns(from: usize, rows: i32, columns: i32, width: i32, factors: usize, scratch: usize): bool {
  const rowBytes = (<usize>columns) << 2;
  for (let top = 0; top < rows; top += width) {
    const block = from + <usize>top * rowBytes;
    for (let left = 0; left < columns; left += 2 * STRIP) {
      const count = min(2 * STRIP, columns - left);
      let check = f64x2.splat(0);
      for (let i = 0; i < width; i++) {
        const at = block + <usize>i * rowBytes + ((<usize>left) << 2);
        const factor = v128.load64_splat(factors + ((<usize>(top + i)) << 3));
        let to = scratch + ((<usize>i) << 4);
        let j = 0;
        for (; j + 2 <= count; j += 2) {
          const x = f64x2.promote_low_f32x4(v128.load64_zero(at + ((<usize>j) << 2)));
          check = f64x2.add(check, f64x2.sub(x, x));
          v128.store(to, f64x2.mul(x, factor));
          to += (<usize>width) << 4;
        }
        if (j < count) {
          const x = f64x2.promote_low_f32x4(v128.load32_zero(at + ((<usize>j) << 2)));
          check = f64x2.add(check, f64x2.sub(x, x));
          v128.store(to, f64x2.mul(x, factor));
        }
      }
      if (!isFinite2(check)) return false;
      for (let j = 0; j < (count + 1) >> 1; j++) transform(scratch + ((<usize>(j * width)) << 4), width);
      for (let i = 0; i < width; i++) {
        const at = block + <usize>i * rowBytes + ((<usize>left) << 2);
        let place = scratch + ((<usize>i) << 4);
        let j = 0;
        for (; j + 2 <= count; j += 2) {
          v128.store64_lane(at + ((<usize>j) << 2), f32x4.demote_f64x2_zero(v128.load(place)), 0);
          place += (<usize>width) << 4;
        }
        if (j < count) v128.store32_lane(at + ((<usize>j) << 2), f32x4.demote_f64x2_zero(v128.load(place)), 0);
      }
    }
  }
  return true;
}
