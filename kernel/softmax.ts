/** The softmax of one query over a page of scores: exponentials in place, and the int16 weights of int8 values. */

/** 2 to the power of x, for x of at least -126; relative error below 2e-7 (Taylor series of degree 6 on [-0.5, 0.5]). */
function power(x: v128): v128 {
  const n = f32x4.nearest(x),
    f = f32x4.sub(x, n);
  let y = f32x4.add(f32x4.mul(f32x4.splat(0.000154035304), f), f32x4.splat(0.00133335581));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(0.00961812911));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(0.0555041087));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(0.240226507));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(Mathf.LN2));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(1));
  return f32x4.mul(y, i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23));
}

/** exp(x) for x of at most 0; 0 below exp(-87), NaN for NaN. */
function exp(x: v128): v128 {
  const scaled = f32x4.mul(x, f32x4.splat(Mathf.LOG2E));
  const lowest = f32x4.splat(-126);
  return v128.andnot(power(f32x4.max(scaled, lowest)), f32x4.lt(scaled, lowest));
}

/** exp(x) of a single number of at most 0. */
export function expOne(x: f32): f32 {
  return f32x4.extract_lane(exp(f32x4.splat(x)), 0);
}

function across(x: v128, isMax: bool): f32 {
  const a = f32x4.extract_lane(x, 0),
    b = f32x4.extract_lane(x, 1);
  const c = f32x4.extract_lane(x, 2),
    d = f32x4.extract_lane(x, 3);
  return isMax ? max(max(a, b), max(c, d)) : a + b + (c + d);
}

/** The largest score of tokens `first` to `end`, both multiples of 8. */
export function largest(scores: usize, first: i32, end: i32): f32 {
  let most = f32x4.splat(-Infinity);
  for (let t = first; t < end; t += 4) most = f32x4.max(most, v128.load(scores + ((<usize>t) << 2)));
  return across(most, true);
}

/** scores[t] = exp(scores[t] - most); returns their sum. */
export function exponentials(scores: usize, first: i32, end: i32, most: f32): f32 {
  let sum = f32x4.splat(0);
  const top = f32x4.splat(most);
  for (let t = first; t < end; t += 4) {
    const at = scores + ((<usize>t) << 2);
    const e = exp(f32x4.sub(v128.load(at), top));
    v128.store(at, e);
    sum = f32x4.add(sum, e);
  }
  return across(sum, false);
}

/**
 * weights[t] = exponentials[t] * valueScales[t] in int16, where 32767 is the largest of them; returns the value of 1.
 * A token whose exponential is 0 has the weight 0, also if its scale is not finite.
 */
export function weigh(scores: usize, valueScales: usize, weights: usize, first: i32, end: i32): f32 {
  let most = f32x4.splat(0);
  const none = f32x4.splat(0);
  for (let t = first; t < end; t += 4) {
    const at = scores + ((<usize>t) << 2);
    const e = v128.load(at);
    const w = v128.and(f32x4.mul(e, v128.load(valueScales + ((<usize>t) << 2))), f32x4.ne(e, none));
    v128.store(at, w);
    most = f32x4.max(most, w);
  }
  const top = across(most, true);
  const factor = f32x4.splat(top > 0 ? 32767 / top : 0);
  for (let t = first; t < end; t += 8) {
    const at = scores + ((<usize>t) << 2);
    const low = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(at), factor)));
    const high = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(at, 16), factor)));
    v128.store(weights + ((<usize>t) << 1), i16x8.narrow_i32x4_s(low, high));
  }
  return top / 32767;
}
