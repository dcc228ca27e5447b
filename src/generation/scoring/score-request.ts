/** Creates the request that scores a text: it generates nothing and passes on the logits before each token. */
import type { GenerationRequest } from "../scheduling/request.js";

/** Creates a request that calls `take` with each id from index `start` on and the logits [vocabSize] before it. */
export function scoreRequest(
  ids: readonly number[],
  start: number,
  take: (id: number, logits: Float32Array) => void,
): GenerationRequest {
  return {
    promptIds: ids.slice(0, -1),
    maxTokens: 0,
    sample: () => 0,
    stopIds: new Set(),
    logprobs: false,
    score: { from: start - 1, take: (index, logits) => take(ids[index + 1]!, logits) },
  };
}
