/** Finds the scale and the zero point of a block of 4-bit weights that give the least squared error. Does not know rows or tensors. */

/** Steps of a grid between its lowest and its highest q. */
const STEPS = 15;
/**
 * Grids to try for a block whose largest weight is 1 and whose weights of the other sign reach -r. `below` of the steps are on
 * the other side: the two whole numbers around the division of the steps in the proportion of r to 1. The rest, times one of
 * these factors, are the steps from 0 to 1: above 1, the largest weight is clipped and all others are finer.
 */
const FACTORS = [
  [1, 1.06, 1.13],
  [1, 1.08],
] as const;
/** The last grid of every r is that of a scale by the largest magnitude, so the search is never much worse than that. */
const SYMMETRIC = { tried: 7, below: 8 };
/** Grids of one r. */
const GRIDS = 6;
/** r is in one of several equal ranges. */
const RATIOS = 8;
/** For the search, weights divided by the largest of their block are sorted into bins of equal width from -1 to 1. */
const BINS = 256;
/** The sum of a block's errors in these units stays below RADIX, so that a double adds three at once. */
const ERROR_UNIT = 2 ** -14;
const RADIX = 2 ** 17;
const MOST_IN_BLOCK = 128;

/** [RATIOS, GRIDS]: unrounded q of the largest weight, and the zero point. */
const TRIED = new Float64Array(RATIOS * GRIDS);
const BELOW = new Uint8Array(RATIOS * GRIDS);
for (let at = 0; at < TRIED.length; at++) {
  const ratio = (Math.floor(at / GRIDS) + 0.5) / RATIOS;
  const side = at % GRIDS < GRIDS / 2 ? 0 : 1;
  const factor = FACTORS[side][at % (GRIDS / 2)];
  BELOW[at] = factor ? Math.floor((STEPS * ratio) / (1 + ratio)) + side : SYMMETRIC.below;
  TRIED[at] = factor ? (STEPS - BELOW[at]!) * factor : SYMMETRIC.tried;
}

/** Squared error of a weight in the middle of a bin with a grid, in whole ERROR_UNITs. */
function binError(bin: number, grid: number): number {
  const weight = (bin + 0.5) / (BINS / 2) - 1;
  const [tried, below] = [TRIED[grid]!, BELOW[grid]!];
  const q = Math.min(Math.max(Math.round(weight * tried), -below), STEPS - below);
  return Math.min(Math.round((weight - q / tried) ** 2 / ERROR_UNIT), RADIX / MOST_IN_BLOCK - 1);
}

/** [RATIOS, BINS, 2]: the errors of three grids in one number, so the loop over a block reads two. */
const ERRORS = Float64Array.from({ length: RATIOS * BINS * 2 }, (_, i) => {
  const bin = (i >> 1) % BINS;
  const grid = Math.floor(i / 2 / BINS) * GRIDS + (i % 2) * 3;
  return (binError(bin, grid) * RADIX + binError(bin, grid + 1)) * RADIX + binError(bin, grid + 2);
});

/** What a kernel that does this search needs: the errors, then the tried factors as doubles, then the zero points as bytes. */
export function searchTables(): Uint8Array {
  const parts = [ERRORS, TRIED, BELOW].map(({ buffer }) => new Uint8Array(buffer));
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** What a block's weights were rounded with: weight = (q - zero) * scale. One object for all blocks: there are millions. */
const found = { scale: 0, zero: STEPS >> 1 };

/**
 * Writes the q of a block's weights, which are between `least` <= 0 and `greatest` >= 0. The best of the tried grids gives the
 * nearest q, and the scale is then fitted to these q, sum(w q) / sum(q q), as in llama.cpp's make_qx_quants (ggml-quants.c), but
 * without its weighting by w * w, which measured worse. The error is within 1 % of that of the best of all grids; the table of
 * errors makes the search cheap enough to run while loading. The result is valid until the next call.
 */
export function quantizeBlock4(
  block: Float64Array,
  least: number,
  greatest: number,
  packed: Uint8Array,
  to: number,
): Readonly<typeof found> {
  const size = block.length;
  const isUp = greatest >= -least;
  const largest = isUp ? greatest : least;
  if (largest === 0) {
    packed.fill(0x88, to, to + size / 2);
    found.scale = 0;
    found.zero = 8;
    return found;
  }
  const ratio = (isUp ? least : greatest) / -largest;
  const grids = Math.min(Math.floor(ratio * RATIOS), RATIOS - 1) * GRIDS;
  const errors = (grids / GRIDS) * BINS * 2;
  const toBin = (BINS / 2 - 0.01) / largest;
  let lower = 0;
  let upper = 0;
  for (let i = 0; i < size; i++) {
    const at = errors + ((block[i]! * toBin + BINS / 2) | 0) * 2;
    lower += ERRORS[at]!;
    upper += ERRORS[at + 1]!;
  }
  const grid = grids + bestGrid(lower, upper);

  const below = BELOW[grid]!;
  const inverse = TRIED[grid]! / largest;
  const shift = below + 0.5;
  let sumWq = 0;
  let sumQq = 0;
  for (let i = 0; i < size; i += 2) {
    let low = (block[i]! * inverse + shift) | 0;
    let high = (block[i + 1]! * inverse + shift) | 0;
    if (low > STEPS) low = STEPS;
    else if (low < 0) low = 0;
    if (high > STEPS) high = STEPS;
    else if (high < 0) high = 0;
    packed[to + (i >> 1)] = low | (high << 4);
    low -= below;
    high -= below;
    sumWq += block[i]! * low + block[i + 1]! * high;
    sumQq = (sumQq + low * low + high * high) | 0;
  }
  found.scale = Math.fround(sumWq / sumQq);
  found.zero = below;
  return found;
}

/** Index of the smallest of six errors, which are given in threes. */
function bestGrid(lower: number, upper: number): number {
  let best = 0;
  let smallest = Number.POSITIVE_INFINITY;
  for (let grid = GRIDS - 1, rest = upper; grid >= 0; grid--) {
    const next = Math.floor(rest / RADIX);
    const error = rest - next * RADIX;
    if (error < smallest) {
      smallest = error;
      best = grid;
    }
    rest = grid === 3 ? lower : next;
  }
  return best;
}
