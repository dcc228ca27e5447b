/** Scores a text of any length in overlapping windows, for its perplexity. Does not sample. */
import { LlamaError } from "../../error.js";
import { prefixId } from "../../tokenizer/tokenizer.js";
import type { ModelContext } from "../loading/model-context.js";
import { checkOptions, FUNCTION, NUMBER, type OptionTypes } from "../options/check-options.js";
import { logSoftmaxAt } from "../sampling/logprobs.js";
import { checkCount } from "../sampling/options.js";
import { FEED_TYPES, type FeedOptions } from "../scheduling/in-flight.js";
import { checkIds } from "../scheduling/prompt-check.js";
import { GenerationStats } from "../scheduling/stats.js";
import { scoreRequest } from "./score-request.js";

export interface PerplexityOptions extends FeedOptions {
  /** Tokens per window, including a beginning-of-sentence token. Default: the model's context, or maxSeqLen if that is less. */
  window?: number;
  /** Tokens from one window to the next: each window scores this many, with the tokens before them as context. Default: half a window. */
  stride?: number;
  /** Called with the number of tokens scored so far. */
  onTokens?: (done: number, total: number) => void;
}

const PERPLEXITY_TYPES: OptionTypes<PerplexityOptions> = {
  ...FEED_TYPES,
  window: NUMBER,
  stride: NUMBER,
  onTokens: FUNCTION,
};

/** Tokens of a window that nobody chose: what the model was made for, if the context holds it. */
export function defaultWindow({ config, maxSeqLen }: Pick<ModelContext, "config" | "maxSeqLen">): number {
  return Math.min(maxSeqLen, config.contextLength ?? maxSeqLen);
}

/** Sum of the log-probabilities of all ids, and their number; after an abort, of those scored so far. Throws LlamaError (usage) for a bad window or stride. */
export async function scoreText(
  model: ModelContext,
  ids: readonly number[],
  options: PerplexityOptions,
): Promise<{ logprob: number; tokens: number }> {
  checkOptions(options, PERPLEXITY_TYPES);
  const { tokenizer, maxSeqLen } = model;
  const { window = defaultWindow(model), stride = window >> 1, stats = new GenerationStats() } = options;
  checkIds(ids, "text", model);
  checkCount("window", window, 2);
  checkCount("stride", stride, 1);
  if (window > maxSeqLen || stride >= window) {
    const expected = `a window of at most ${maxSeqLen} and a stride below the window`;
    throw new LlamaError("usage", "windows do not fit", { expected, found: `${window} and ${stride}` });
  }
  const total = { logprob: 0, tokens: 0 };
  /** Where a tokenizer adds no BOS, only the whole text begins with a token that it has not, as in lm-evaluation-harness. */
  function* windows(): Generator<{ ids: number[]; start: number }> {
    const prefix = prefixId(tokenizer);
    let scored = 0;
    for (let from = 0; scored < ids.length; from += stride) {
      const begins = from === 0 || tokenizer.addsBos;
      const end = Math.min(ids.length, from + window - 1);
      const before = begins ? prefix : ids[from - 1]!;
      yield { ids: [before, ...ids.slice(from, end)], start: 1 + scored - from };
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
  for await (const done of model.feed(windows(), run, options)) options.onTokens?.(done, ids.length);
  return total;
}
