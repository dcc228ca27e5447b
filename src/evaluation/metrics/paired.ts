/** Compares two runs on the same documents: differences with intervals, exact and permutation tests, Holm's correction. */
import { deviation, mean } from "./aggregate.js";
import { type Interval, Z } from "./interval.js";

export interface Difference {
  /** Mean of first minus second. */
  value: number;
  /** null for fewer than two pairs. */
  interval: Interval | null;
  count: number;
}

/** Mean and 95 per cent interval of the differences a - b. */
export function difference(a: readonly number[], b: readonly number[]): Difference {
  const differences = a.map((value, i) => value - b[i]!);
  const value = mean(differences);
  const count = differences.length;
  if (count < 2) return { value, interval: null, count };
  const half = (Z * deviation(differences)) / Math.sqrt(count);
  return { value, interval: [value - half, value + half], count };
}

/**
 * p of McNemar's exact test: the probability that two equal models differ as unequally as this or more. `onlyA`, `onlyB`: documents
 * that only one has right.
 */
export function mcNemar(onlyA: number, onlyB: number): number {
  const total = onlyA + onlyB;
  const least = Math.min(onlyA, onlyB);
  if (total === 0) return 1;
  // Sum of C(total, i) / 2^total in logarithms, as neither fits a double for many documents.
  let logTerm = -total * Math.LN2;
  let sum = 0;
  for (let i = 0; i <= least; i++) {
    sum += Math.exp(logTerm);
    logTerm += Math.log((total - i) / (i + 1));
  }
  return Math.min(1, 2 * sum);
}

/**
 * p of a permutation test that changes the signs of differences: the share of `rounds` whose mean is as far from 0 as the real
 * one. `random`: uniform in [0, 1). The real order counts as one of them, so p is never 0.
 */
export function signFlip(differences: readonly number[], random: () => number, rounds = 10_000): number {
  const present = differences.filter((value) => value !== 0);
  const observed = Math.abs(present.reduce((sum, value) => sum + value, 0));
  if (present.length === 0) return 1;
  // Sums of the same numbers in another order differ in their last bits.
  const enough = observed * (1 - 1e-12);
  let extreme = 1;
  for (let round = 0; round < rounds; round++) {
    let sum = 0;
    for (const value of present) sum += random() < 0.5 ? value : -value;
    if (Math.abs(sum) >= enough) extreme++;
  }
  return extreme / (rounds + 1);
}

/** Holm's step-down correction (1979): p-values that hold for all of several comparisons together, in the order given. */
export function holm(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const corrected = new Array<number>(values.length);
  let least = 0;
  order.forEach((index, rank) => {
    least = Math.max(least, Math.min(1, values[index]! * (values.length - rank)));
    corrected[index] = least;
  });
  return corrected;
}
