/** Computes log-probabilities of tokens from raw logits, without temperature or top-p. */

/** The natural log-softmax of `logits` [vocabSize] at `id`, computed in float64. Throws RangeError for an id outside. */
export function logSoftmaxAt(logits: Float32Array, id: number): number {
  if (logits[id] === undefined) throw new RangeError(`logSoftmaxAt: id ${id} of ${logits.length} logits`);
  return logSoftmax(logits)(id);
}

function logSoftmax(logits: Float32Array): (id: number) => number {
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) if (logits[i]! > max) max = logits[i]!;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - max);
  const logSum = Math.log(sum);
  return (id) => logits[id]! - max - logSum;
}

/** A token and its log-probability. */
export interface RankedToken {
  id: number;
  logprob: number;
}

/**
 * The `count` most likely of the first `tokens` tokens of `logits` [vocabSize] with their log-probabilities among all, most
 * likely first (ties: lower id first).
 */
export function topLogprobs(logits: Float32Array, count: number, tokens: number = logits.length): RankedToken[] {
  const best: number[] = [];
  const before = (a: number, b: number) => logits[a]! > logits[b]!;
  for (let id = 0; id < Math.min(tokens, logits.length); id++) {
    if (best.length === count && !before(id, best[count - 1]!)) continue;
    let at = best.length;
    while (at > 0 && before(id, best[at - 1]!)) at--;
    best.splice(at, 0, id);
    if (best.length > count) best.pop();
  }
  if (best.length === 0) return [];
  const logprob = logSoftmax(logits);
  return best.map((id) => ({ id, logprob: logprob(id) }));
}
