/** Intervals that hold a figure with a probability of 95 per cent. */

/** The 97.5 per cent quantile of the normal distribution, as it is usually rounded. */
export const Z = 1.96;

export type Interval = readonly [low: number, high: number];

/** Wilson's score interval of a share of `count` (1927), which is right for few documents and near 0 and 1. */
export function wilson(share: number, count: number): Interval {
  const square = Z ** 2 / count;
  const half = Z * Math.sqrt((share * (1 - share)) / count + square / (4 * count));
  const middle = share + square / 2;
  return [Math.max(0, (middle - half) / (1 + square)), Math.min(1, (middle + half) / (1 + square))];
}

/** value ± 1.96 standard errors; null without one. */
export function normalInterval(value: number, stderr: number | null): Interval | null {
  return stderr === null ? null : [value - Z * stderr, value + Z * stderr];
}
