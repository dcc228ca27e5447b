/** How likely a text of any length is, in windows that overlap. Knows ids and windows; samples nothing. */
import { LlamaError } from "../../error.js";
import type { ModelContext } from "../loading/model-context.js";
import { logSoftmaxAt } from "../sampling/logprobs.js";
import { checkCount } from "../sampling/options.js";
import type { FeedOptions } from "../scheduling/in-flight.js";
import { GenerationStats } from "../scheduling/stats.js";
import { scoreRequest } from "./score-request.js";

export interface PerplexityOptions extends FeedOptions {
  /** Tokens of a window, a beginning-of-sentence token included. Default: the context. */
  window?: number;
  /** Tokens from one window to the next: so many are scored in each, with those before them as their context. Default: half a window. */
  stride?: number;
  /** Told how many tokens are scored. */
  onTokens?: (done: number, total: number) => void;
}

/** Sum of the log-probabilities of all ids, and their number; fewer where the signal ended it. */
export async function scoreText(
  model: ModelContext,
  ids: readonly number[],
  { onTokens, ...options }: PerplexityOptions,
): Promise<{ logprob: number; tokens: number }> {
  const { tokenizer, maxSeqLen } = model;
  const { window = maxSeqLen, stride = window >> 1, stats = new GenerationStats() } = options;
  checkCount("window", window, 2);
  checkCount("stride", stride, 1);
  if (window > maxSeqLen || stride >= window) {
    const expected = `window up to ${maxSeqLen}, and stride below it`;
    throw new LlamaError("usage", "windows do not fit", { expected, found: `${window} and ${stride}` });
  }
  const total = { logprob: 0, tokens: 0 };
  function* windows(): Generator<{ ids: number[]; start: number }> {
    let scored = 0;
    for (let from = 0; scored < ids.length; from += stride) {
      const end = Math.min(ids.length, from + window - 1);
      yield { ids: [tokenizer.bosId, ...ids.slice(from, end)], start: 1 + scored - from };
      scored = end;
    }
  }
  const run = async (part: { ids: number[]; start: number }, signal: AbortSignal): Promise<number> => {
    const request = scoreRequest(part.ids, part.start, stats, (id, logits) => {
      total.logprob += logSoftmaxAt(logits, id);
      total.tokens++;
    });
    for await (const event of model.loop.submit(request, signal)) {
      if (event.kind === "end" && event.reason === "abort") throw signal.reason;
    }
    return total.tokens;
  };
  for await (const done of model.feed(windows(), run, options)) onTokens?.(done, ids.length);
  return total;
}
