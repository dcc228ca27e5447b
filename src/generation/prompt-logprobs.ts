/** Log-probabilities of a given text under the model, a bounded number of positions at a time. */
import type { Forward } from "./generate.js";
import { logSoftmaxAt } from "./logprobs.js";

/** Positions scored at once: bounds the logits in memory. */
const SCORE_TOKENS = 128;

/**
 * Log-probability of each token given those before it; the first has 0. With `shift` 0 each is scored by its own
 * position's logits instead.
 */
export async function promptLogprobs(
  engine: Forward,
  vocabSize: number,
  ids: readonly number[],
  shift: 0 | 1,
): Promise<number[]> {
  const sequence = engine.newSequence();
  const values = shift === 1 ? [0] : [];
  try {
    for (let position = 0; position < ids.length; position += SCORE_TOKENS) {
      const tokens = ids.slice(position, position + SCORE_TOKENS);
      const [logits] = await engine.forward([{ sequence, position, tokens, logits: "all" }]);
      for (let i = 0; i < tokens.length && values.length < ids.length; i++) {
        values.push(logSoftmaxAt(logits!.subarray(i * vocabSize, (i + 1) * vocabSize), ids[position + i + shift]!));
      }
    }
  } finally {
    engine.release(sequence);
  }
  return values;
}
