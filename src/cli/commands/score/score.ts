/** The command `score`: log-likelihoods of continuations in given contexts, or the perplexity of a file. */
import { LlamaError } from "../../../error.js";
import type { ScoreRequest } from "../../../index.js";
import type { Origin } from "../../json-lines/json-line.js";
import { runLines } from "../../json-lines/run-lines.js";
import { checkQueueFlags, type QueueLineFlags, queueLines } from "../../queue/queue-lines.js";
import type { QueuedWork } from "../../queue/queued-lines.js";
import { type PerplexityFlags, perplexity } from "./perplexity.js";
import { SCORE_KEYS, scoreFields, scoreRequestOf } from "./score-fields.js";

/** The options of `score`, by their names on the command line. */
export interface ScoreFlags extends QueueLineFlags, PerplexityFlags {}

/** As lines travel through a queue. */
const QUEUED: QueuedWork = {
  kind: "score",
  keys: SCORE_KEYS,
  fields: ({ id: _, metadata: __, ...request }, origin) => {
    scoreRequestOf(request, origin);
    return { request };
  },
  // As in a model of this process, the tokens that are run: all but the last.
  tokens: ({ context_tokens: context, tokens }) => Number(context) + (Array.isArray(tokens) ? tokens.length : 0) - 1,
};

/** Runs the command and returns the exit code. */
export function score(path: string | undefined, flags: ScoreFlags): Promise<number> {
  const { perplexity: file, window, stride } = flags;
  if (file !== undefined) {
    if (flags.queue !== undefined) throw new LlamaError("usage", "--perplexity cannot be combined with --queue");
    if (path === undefined) return perplexity(file, flags);
    throw new LlamaError("usage", `unexpected argument '${path}' with --perplexity`);
  }
  if (window !== undefined || stride !== undefined) {
    throw new LlamaError("usage", "--window and --stride need --perplexity");
  }
  if (flags.queue !== undefined) checkQueueFlags(flags);
  return runLines<ScoreRequest<Origin>>(path, flags, {
    keys: SCORE_KEYS,
    request: scoreRequestOf,
    async *answer(llama, requests, options) {
      for await (const answer of llama.score(requests, options)) yield scoreFields(answer);
    },
    tokens: ({ promptTokens }) => promptTokens,
    ...(flags.queue !== undefined && { elsewhere: (run) => queueLines(run, flags, QUEUED) }),
  });
}
