/** Scores how likely given continuations are after their contexts. Does not sample. */
import { LlamaError } from "../../error.js";
import { stripEnd } from "../../tokenizer/encoding/python-whitespace.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import type { ModelContext } from "../loading/model-context.js";
import { checkOptions } from "../options/check-options.js";
import { logSoftmaxAt } from "../sampling/logprobs.js";
import { FEED_TYPES, type FeedOptions, type Refused, type Requests } from "../scheduling/in-flight.js";
import { checkPrompt } from "../scheduling/prompt-check.js";
import { GenerationStats } from "../scheduling/stats.js";
import { scoreRequest } from "./score-request.js";

/** A text, or token ids to use unchanged. */
type Text = string | readonly number[];

export interface ScoredPair<T> {
  tag: T;
  context: Text;
  continuation: Text;
}

export type ScoreRequest<T> = ScoredPair<T> | Refused<T>;

export interface ScoredToken {
  id: number;
  /** The texts of all tokens, joined, are the continuation. */
  text: string;
  /** Natural logarithm of the probability. */
  logprob: number;
  /** Whether it is the most likely token at its position. */
  isGreedy: boolean;
}

export interface Score {
  /** Sum of the log-probabilities of the continuation's tokens. */
  logprob: number;
  /** Whether every token is the most likely one, so that greedy decoding would generate this continuation. */
  isGreedy: boolean;
  tokens: ScoredToken[];
  contextTokens: number;
}

export type ScoreAnswer<T> = { tag: T; score: Score; error: null } | { tag: T; score: null; error: LlamaError };

export function scoreAll<T>(
  model: ModelContext,
  requests: Requests<ScoreRequest<T>>,
  options: FeedOptions,
): AsyncGenerator<ScoreAnswer<T>, void, void> {
  checkOptions(options, FEED_TYPES);
  const { stats = new GenerationStats() } = options;
  const run = async (request: ScoreRequest<T>, signal: AbortSignal): Promise<ScoreAnswer<T>> => {
    const { tag } = request;
    try {
      if ("refused" in request) throw request.refused;
      return { tag, score: await scorePair(model, request, stats, signal), error: null };
    } catch (error) {
      return { tag, score: null, error: model.ownError(error) };
    }
  };
  return model.feed(requests, run, options);
}

async function scorePair<T>(
  model: ModelContext,
  { context, continuation }: ScoredPair<T>,
  stats: GenerationStats,
  signal: AbortSignal,
): Promise<Score> {
  const { tokenizer, loop } = model;
  const { ids, start } = joined(tokenizer, context, continuation);
  if (start === 0) throw new LlamaError("usage", "context has no tokens", { fix: "Begin it with the BOS token" });
  if (start === ids.length) throw new LlamaError("usage", "continuation has no tokens");
  checkPrompt(ids, 0, model);
  const detokenizer = tokenizer.detokenizer();
  detokenizer.prime(ids.slice(0, start));
  const tokens: ScoredToken[] = [];
  const request = scoreRequest(ids, start, stats, (id, logits) => {
    const text = detokenizer.push(id) + (tokens.length === ids.length - start - 1 ? detokenizer.flush() : "");
    tokens.push({ id, text, logprob: logSoftmaxAt(logits, id), isGreedy: isMaximum(logits, id) });
  });
  for await (const event of loop.submit(request, signal)) {
    if (event.kind === "end" && event.reason === "abort") throw signal.reason;
  }
  const logprob = tokens.reduce((sum, token) => sum + token.logprob, 0);
  return { logprob, isGreedy: tokens.every((token) => token.isGreedy), tokens, contextTokens: start };
}

/**
 * The ids of both texts, and the index where the continuation starts. As in lm-evaluation-harness, both are encoded as one
 * text, spaces between them belong to the continuation, and it starts after as many tokens as the context has by itself.
 */
function joined(tokenizer: Tokenizer, context: Text, continuation: Text): { ids: readonly number[]; start: number } {
  const encode = (text: string, bos: boolean) => tokenizer.encode(text, { bos, eos: false });
  if (typeof context !== "string" || typeof continuation !== "string") {
    const before = typeof context === "string" ? encode(context, true) : context;
    const after = typeof continuation === "string" ? encode(continuation, false) : continuation;
    return { ids: [...before, ...after], start: before.length };
  }
  return { ids: encode(context + continuation, true), start: encode(stripEnd(context), true).length };
}

function isMaximum(logits: Float32Array, id: number): boolean {
  const logit = logits[id]!;
  return logits.every((other, i) => other < logit || (other === logit && i >= id));
}
