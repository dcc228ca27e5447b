/** The search for the grid of a block of 4-bit weights, with the bits of src/model/architecture/grid-search.ts, which has the reasons. */

const STEPS = 15;
const GRIDS = 6;
const RATIOS = 8;
const BINS = 256;
const RADIX: f64 = 131072;
/** Bytes of the table of errors, [RATIOS, BINS, 2] doubles, and of the tried factors [RATIOS, GRIDS] behind it. */
const ERRORS: usize = RATIOS * BINS * 16;
const TRIED: usize = RATIOS * GRIDS * 8;

/** A double plus this has its whole part, rounded down before, in its lower 32 bits: cheaper than a conversion that saturates. */
const MAGIC: f64 = 6755399441055744;

/** Four numbers times a factor and plus a shift, in double precision, rounded down to whole numbers of 32 bits. */
export function wholeFour(x: v128, factor: v128, shift: v128): v128 {
  const low = f64x2.promote_low_f32x4(x),
    high = f64x2.promote_low_f32x4(v128.shuffle<i32>(x, x, 2, 3, 2, 3));
  return whole(low, high, factor, shift);
}

/** The same for two pairs of doubles. */
function whole(low: v128, high: v128, factor: v128, shift: v128): v128 {
  const magic = f64x2.splat(MAGIC);
  const a = f64x2.add(f64x2.floor(f64x2.add(f64x2.mul(low, factor), shift)), magic),
    b = f64x2.add(f64x2.floor(f64x2.add(f64x2.mul(high, factor), shift)), magic);
  return v128.shuffle<i32>(a, b, 0, 2, 4, 6);
}

/** Writes a block's q and its scale; returns its zero point. */
export function quantizeBlock4(
  block: usize,
  size: i32,
  least: f32,
  greatest: f32,
  packed: usize,
  scale: usize,
  tables: usize,
): u8 {
  const isUp = greatest >= -least;
  const largest = <f64>(isUp ? greatest : least);
  const end = block + ((<usize>size) << 2);
  if (largest === 0) {
    memory.fill(packed, 0x88, <usize>size >> 1);
    store<f32>(scale, 0);
    return 8;
  }
  const ratio = <f64>(isUp ? least : greatest) / -largest;
  const range = min(<i32>floor(ratio * RATIOS), RATIOS - 1);
  const errors = tables + <usize>range * (BINS * 16);
  const toBin = f64x2.splat((<f64>(BINS / 2) - 0.01) / largest),
    middle = f64x2.splat(BINS / 2);
  let sums = f64x2.splat(0),
    others = sums;
  for (let at = block; at < end; at += 16) {
    const bins = wholeFour(v128.load(at), toBin, middle);
    sums = f64x2.add(sums, v128.load(errors + ((<usize>i32x4.extract_lane(bins, 0)) << 4)));
    others = f64x2.add(others, v128.load(errors + ((<usize>i32x4.extract_lane(bins, 1)) << 4)));
    sums = f64x2.add(sums, v128.load(errors + ((<usize>i32x4.extract_lane(bins, 2)) << 4)));
    others = f64x2.add(others, v128.load(errors + ((<usize>i32x4.extract_lane(bins, 3)) << 4)));
  }
  // Whole numbers: their sum is the same in any order.
  sums = f64x2.add(sums, others);
  const grid = range * GRIDS + bestGrid(f64x2.extract_lane(sums, 0), f64x2.extract_lane(sums, 1));

  const below = <i32>load<u8>(tables + ERRORS + TRIED + <usize>grid);
  const inverse = f64x2.splat(load<f64>(tables + ERRORS + ((<usize>grid) << 3)) / largest),
    shift = f64x2.splat(<f64>below + 0.5);
  const lowest = i32x4.splat(0),
    highest = i32x4.splat(STEPS),
    zero = i32x4.splat(below);
  let sumWq: f64 = 0;
  let sumQq = i32x4.splat(0);
  for (let at = block; at < end; at += 16) {
    const x = v128.load(at);
    const a = f64x2.promote_low_f32x4(x),
      b = f64x2.promote_low_f32x4(v128.shuffle<i32>(x, x, 2, 3, 2, 3));
    let q = whole(a, b, inverse, shift);
    q = i32x4.max_s(i32x4.min_s(q, highest), lowest);
    // q of an even and the next odd weight in a byte.
    const bytes = v128.or(q, i64x2.shr_u(q, 28));
    store<u8>(packed, <u8>i32x4.extract_lane(bytes, 0));
    store<u8>(packed, <u8>i32x4.extract_lane(bytes, 2), 1);
    packed += 2;
    q = i32x4.sub(q, zero);
    const wqA = f64x2.mul(a, f64x2.convert_low_i32x4_s(q)),
      wqB = f64x2.mul(b, f64x2.convert_low_i32x4_s(v128.shuffle<i32>(q, q, 2, 3, 2, 3)));
    // In the host's order.
    sumWq += f64x2.extract_lane(wqA, 0) + f64x2.extract_lane(wqA, 1);
    sumWq += f64x2.extract_lane(wqB, 0) + f64x2.extract_lane(wqB, 1);
    sumQq = i32x4.add(sumQq, i32x4.mul(q, q));
  }
  const qq =
    i32x4.extract_lane(sumQq, 0) +
    i32x4.extract_lane(sumQq, 1) +
    i32x4.extract_lane(sumQq, 2) +
    i32x4.extract_lane(sumQq, 3);
  store<f32>(scale, <f32>(sumWq / <f64>qq));
  return <u8>below;
}

/** Index of the smallest of six errors, which are given in threes. */
function bestGrid(lower: f64, upper: f64): i32 {
  let best = 0;
  let smallest: f64 = Infinity;
  let rest = upper;
  for (let grid = GRIDS - 1; grid >= 0; grid--) {
    const next = floor(rest / RADIX);
    const error = rest - next * RADIX;
    if (error < smallest) {
      smallest = error;
      best = grid;
    }
    rest = grid === 3 ? lower : next;
  }
  return best;
}
