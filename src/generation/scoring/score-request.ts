/** The request that scores a text: it generates nothing, and reports the logits before each of its tokens. */
import type { GenerationRequest } from "../scheduling/request.js";
import type { GenerationStats } from "../scheduling/stats.js";

/** `take` is called with the logits before each id from index `start` on. */
export function scoreRequest(
  ids: readonly number[],
  start: number,
  stats: GenerationStats,
  take: (id: number, logits: Float32Array) => void,
): GenerationRequest {
  return {
    promptIds: ids.slice(0, -1),
    maxTokens: 0,
    sample: () => 0,
    stopIds: new Set(),
    logprobs: false,
    score: { from: start - 1, take: (index, logits) => take(ids[index + 1]!, logits) },
    isDisposable: true,
    stats,
  };
}
