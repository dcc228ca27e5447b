/** Makes a figure with its standard error of the values of many documents, as lm-evaluation-harness does. Sums in the order of the documents. */
import type { MetricInfo, MetricValue } from "./metric.js";

export interface Figure {
  value: number;
  /** null without one: of a single document, and of perplexities. */
  stderr: number | null;
  /** Documents. */
  count: number;
}

export function mean(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** Sample standard deviation, with n - 1. */
export function deviation(values: readonly number[]): number {
  const middle = mean(values);
  let sum = 0;
  for (const value of values) sum += (value - middle) ** 2;
  return Math.sqrt(sum / (values.length - 1));
}

/** Standard error of a mean; null for fewer than two values. */
export function meanError(values: readonly number[]): number | null {
  return values.length < 2 ? null : deviation(values) / Math.sqrt(values.length);
}

/** The figure of a metric; null without values. */
export function aggregate(info: MetricInfo, values: readonly MetricValue[]): Figure | null {
  const count = values.length;
  if (count === 0) return null;
  if (info.aggregation === "mean") {
    const numbers = values as readonly number[];
    return { value: mean(numbers), stderr: meanError(numbers), count };
  }
  const pairs = values as readonly (readonly [number, number])[];
  const perUnit =
    pairs.reduce((sum, [logLikelihood]) => sum + logLikelihood, 0) / pairs.reduce((sum, [, w]) => sum + w, 0);
  const value = info.aggregation === "bits_per_byte" ? -perUnit / Math.LN2 : Math.exp(-perUnit);
  return { value, stderr: null, count };
}

/**
 * The figure of a group: the mean weighted by documents, and the pooled standard error (lm-evaluation-harness'
 * pooled_sample_stderr). Null without parts.
 */
export function aggregateGroup(parts: readonly Figure[]): Figure | null {
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  if (count === 0) return null;
  const value = parts.reduce((sum, part) => sum + part.value * part.count, 0) / count;
  if (parts.some((part) => part.stderr === null)) return { value, stderr: null, count };
  const squares = parts.reduce((sum, { stderr, count: n }) => sum + (n - 1) * stderr! ** 2 * n, 0);
  return { value, stderr: Math.sqrt(squares / (count - parts.length)) / Math.sqrt(count), count };
}
