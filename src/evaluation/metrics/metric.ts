/** What a metric is: the value of a document, and how values become a figure. */

/** A number; for rolling log-likelihoods the pair [sum, weight]. */
export type MetricValue = number | readonly [logLikelihood: number, weight: number];

export interface MetricInfo {
  aggregation: "mean" | "weighted_perplexity" | "bits_per_byte";
  /** null if neither is better, as for a measure of bias. */
  higherIsBetter: boolean | null;
  /** Whether all values are 0 or 1. */
  isBinary?: boolean;
  /** A measure of the LLaMA paper or of this program, which lm-evaluation-harness has not for this task. */
  own?: boolean;
}
