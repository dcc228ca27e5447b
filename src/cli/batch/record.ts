/** An answer as a line of the output; its names are a promise to scripts. Writes nothing. */
import type { BatchAnswer } from "../../index.js";
import type { Origin } from "./request.js";

export function recordOf({ tag, completion, error }: BatchAnswer<Origin>): object {
  const { id, line, metadata } = tag;
  const origin = { id, line, ...(metadata !== undefined && { metadata }) };
  if (error) return { ...origin, error: { kind: error.kind, message: error.message } };
  const { text, ids, promptIds, finishReason, seed, logprobs, promptLogprobs } = completion;
  return {
    ...origin,
    text,
    ids,
    prompt_tokens: promptIds.length,
    finish_reason: finishReason,
    seed,
    ...(logprobs && { logprobs }),
    ...(promptLogprobs && { prompt_logprobs: promptLogprobs }),
  };
}
