/** Log-probabilities of tokens from raw logits, without temperature or top-p. */

/** The natural log-softmax of `logits` at `id`, computed in float64. */
export function logSoftmaxAt(logits: Float32Array, id: number): number {
  const logit = logits[id];
  if (logit === undefined) throw new RangeError(`logSoftmaxAt: id ${id} of ${logits.length} logits`);
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) if (logits[i]! > max) max = logits[i]!;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - max);
  return logit - max - Math.log(sum);
}
