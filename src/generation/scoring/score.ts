/** Scores how likely given continuations are after their contexts. Does not sample. */
import { LlamaError } from "../../error.js";
import { stripEnd } from "../../tokenizer/encoding/python-whitespace.js";
import { prefixId, type Tokenizer } from "../../tokenizer/tokenizer.js";
import type { ModelContext } from "../loading/model-context.js";
import { checkOptions } from "../options/check-options.js";
import { logSoftmaxAt } from "../sampling/logprobs.js";
import { FEED_TYPES, type FeedOptions, type Refused, type Requests } from "../scheduling/in-flight.js";
import { checkIds } from "../scheduling/prompt-check.js";
import { GenerationStats } from "../scheduling/stats.js";
import { scoreRequest } from "./score-request.js";

/** A text, or token ids to use unchanged. */
type Text = string | readonly number[];

export interface ScoredPair<T> {
  tag: T;
  context: Text;
  continuation: Text;
  /** Ids that are scored in the place of the continuation's last one too, by the same pass. */
  lastIds?: readonly number[];
}

export type ScoreRequest<T> = ScoredPair<T> | Refused<T>;

export interface ScoredToken {
  id: number;
  /** The texts of all tokens, joined, are the continuation, unless a token contains the end of the context as well. */
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
  /** Tokens of the context that were run. */
  contextTokens: number;
  /** Tokens at the beginning of the context that were left out, because the model's context has no room for them. */
  cutTokens: number;
  /** The whole continuation with each of `lastIds` in the place of its last id, in their order. */
  others: { logprob: number; isGreedy: boolean }[];
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
  { context, continuation, lastIds = [] }: ScoredPair<T>,
  stats: GenerationStats,
  signal: AbortSignal,
): Promise<Score> {
  const { tokenizer, loop } = model;
  const { ids, start, cutTokens } = fitted(encodePair(tokenizer, context, continuation), model);
  checkIds(ids, "request", model);
  checkIds(lastIds, "request", model);
  const detokenizer = tokenizer.detokenizer();
  detokenizer.prime(ids.slice(0, start));
  const tokens: ScoredToken[] = [];
  let others: Score["others"] = [];
  const request = scoreRequest(ids, start, stats, (id, logits) => {
    const isLast = tokens.length === ids.length - start - 1;
    if (isLast) others = lastIds.map((other) => withLast(tokens, logits, other));
    const text = detokenizer.push(id) + (isLast ? detokenizer.flush() : "");
    tokens.push({ id, text, logprob: logSoftmaxAt(logits, id), isGreedy: isMaximum(logits, id) });
  });
  for await (const event of loop.submit(request, signal)) {
    if (event.kind === "end" && event.reason === "abort") throw signal.reason;
  }
  return { ...total(tokens), tokens, contextTokens: start, cutTokens, others };
}

/** The score of tokens and an id after them. */
function withLast(tokens: readonly ScoredToken[], logits: Float32Array, id: number): Score["others"][number] {
  return total([...tokens, { logprob: logSoftmaxAt(logits, id), isGreedy: isMaximum(logits, id) }]);
}

function total(tokens: readonly Pick<ScoredToken, "logprob" | "isGreedy">[]): Score["others"][number] {
  const logprob = tokens.reduce((sum, token) => sum + token.logprob, 0);
  return { logprob, isGreedy: tokens.every(({ isGreedy }) => isGreedy) };
}

/** The ids of a context and of what follows it. */
type Pair = [context: readonly number[], continuation: readonly number[]];

/**
 * As lm-evaluation-harness encodes them (TemplateLM._encode_pair): spaces between the texts belong to the continuation; both
 * are encoded as one text, and the continuation has the ids after as many as the context has by itself. The context runs with
 * its own ids, also where they differ in the whole. A context without tokens is the beginning of a text.
 */
function encodePair(tokenizer: Tokenizer, context: Text, continuation: Text): Pair {
  const encode = (text: string, bos: boolean) => tokenizer.encode(text, { bos });
  if (typeof context !== "string" || typeof continuation !== "string") {
    const before = typeof context === "string" ? encode(context, true) : context;
    return [before, typeof continuation === "string" ? encode(continuation, false) : continuation];
  }
  const stripped = stripEnd(context);
  if (stripped === "") return [[prefixId(tokenizer)], encode(context + continuation, false)];
  const own = encode(stripped, true);
  return [own, encode(context + continuation, true).slice(own.length)];
}

/**
 * Leaves out the beginning of a context that is too long, as lm-evaluation-harness does. The last id of the continuation is
 * not run, so a request has one id more than the model's context. Throws LlamaError (usage) if that is not enough.
 */
function fitted([context, continuation]: Pair, { maxSeqLen }: ModelContext) {
  if (context.length === 0)
    throw new LlamaError("usage", "context has no tokens", { fix: "Begin it with the BOS token" });
  if (continuation.length === 0) throw new LlamaError("usage", "continuation has no tokens");
  if (continuation.length > maxSeqLen) {
    throw new LlamaError("usage", "continuation is longer than the context of the model", {
      expected: `at most ${maxSeqLen} tokens`,
      found: String(continuation.length),
      fix: "Shorten it or raise max_seq_len",
    });
  }
  const cutTokens = Math.max(0, context.length + continuation.length - maxSeqLen - 1);
  return { ids: [...context.slice(cutTokens), ...continuation], start: context.length - cutTokens, cutTokens };
}

function isMaximum(logits: Float32Array, id: number): boolean {
  const logit = logits[id]!;
  return logits.every((other, i) => other < logit || (other === logit && i >= id));
}
