/** How likely given texts are: continuations of contexts, and long texts in windows. Knows logits and ids; samples nothing. */
import { LlamaError } from "../error.js";
import type { GenerationRow } from "./generate.js";
import { logSoftmaxAt } from "./logprobs.js";
import { checkCount } from "./options.js";
import { checkPrompt } from "./prompt-check.js";
import { type FeedOptions, feedRows, type Refused, type Requests } from "./row-feed.js";
import type { RunContext } from "./run-context.js";
import type { Tokenizer } from "./tokenizer.js";

/** A text, or token ids that are taken as they are. */
type Text = string | readonly number[];

export interface ScoredPair<T> {
  tag: T;
  context: Text;
  continuation: Text;
}

export type ScoreRequest<T> = ScoredPair<T> | Refused<T>;

export interface ScoredToken {
  id: number;
  text: string;
  logprob: number;
  /** Whether it is the most likely token there. */
  isGreedy: boolean;
}

export interface Score {
  /** Sum over the tokens of the continuation. */
  logprob: number;
  /** Whether each of them is the most likely one: greedy decoding would write this. */
  isGreedy: boolean;
  tokens: ScoredToken[];
  contextTokens: number;
}

export type ScoreAnswer<T> = { tag: T; score: Score; error: null } | { tag: T; score: null; error: LlamaError };

export async function* scoreAll<T>(
  model: RunContext,
  requests: Requests<ScoreRequest<T>>,
  options: FeedOptions,
): AsyncGenerator<ScoreAnswer<T>, void, void> {
  const { engine, tokenizer } = model;
  const enter = ({ context, continuation }: ScoredPair<T>) => {
    const { ids, start } = joined(tokenizer, context, continuation);
    if (start === 0) throw new LlamaError("usage", "context has no tokens", { fix: "Begin it with the BOS token" });
    if (start === ids.length) throw new LlamaError("usage", "continuation has no tokens");
    checkPrompt(ids, 0, model);
    const detokenizer = tokenizer.detokenizer();
    detokenizer.prime(ids.slice(0, start));
    const tokens: ScoredToken[] = [];
    const row = scoreRow(ids, start, (id, logits) => {
      const text = detokenizer.push(id) + (tokens.length === ids.length - start - 1 ? detokenizer.flush() : "");
      tokens.push({ id, text, logprob: logSoftmaxAt(logits, id), isGreedy: isMaximum(logits, id) });
    });
    return { row, entry: { tokens, contextTokens: start } };
  };
  for await (const { tag, entry, event, error } of feedRows(engine, requests, enter, null, options)) {
    if (error) yield { tag, score: null, error };
    else if (event.finishReason === "length") {
      const logprob = entry.tokens.reduce((sum, token) => sum + token.logprob, 0);
      yield { tag, score: { logprob, isGreedy: entry.tokens.every((token) => token.isGreedy), ...entry }, error };
    }
  }
}

/**
 * Ids of both texts, and where the continuation begins. As lm-evaluation-harness does: encoded as one text, spaces between
 * them belong to the continuation, and it begins after as many tokens as the context has alone.
 */
function joined(tokenizer: Tokenizer, context: Text, continuation: Text): { ids: readonly number[]; start: number } {
  const encode = (text: string, bos: boolean) => tokenizer.encode(text, { bos, eos: false });
  if (typeof context !== "string" || typeof continuation !== "string") {
    const before = typeof context === "string" ? encode(context, true) : context;
    const after = typeof continuation === "string" ? encode(continuation, false) : continuation;
    return { ids: [...before, ...after], start: before.length };
  }
  const own = context.trimEnd();
  return { ids: encode(context + continuation, true), start: encode(own, true).length };
}

/** A row that hands out the logits before each id from index `start` on. */
function scoreRow(
  ids: readonly number[],
  start: number,
  take: (id: number, logits: Float32Array) => void,
): GenerationRow {
  return {
    promptIds: ids.slice(0, -1),
    maxTokens: 0,
    sample: () => 0,
    stopIds: new Set(),
    logprobs: false,
    score: { from: start - 1, take: (index, logits) => take(ids[index + 1]!, logits) },
  };
}

function isMaximum(logits: Float32Array, id: number): boolean {
  const logit = logits[id]!;
  return logits.every((other, i) => other < logit || (other === logit && i >= id));
}

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
  { engine, tokenizer, maxSeqLen }: RunContext,
  ids: readonly number[],
  { onTokens, ...options }: PerplexityOptions,
): Promise<{ logprob: number; tokens: number }> {
  const { window = maxSeqLen, stride = window >> 1 } = options;
  checkCount("window", window, 2);
  checkCount("stride", stride, 1);
  if (window > maxSeqLen || stride >= window) {
    const expected = `window up to ${maxSeqLen}, and stride below it`;
    throw new LlamaError("usage", "windows do not fit", { expected, found: `${window} and ${stride}` });
  }
  const total = { logprob: 0, tokens: 0 };
  function* windows(): Generator<{ tag: null; ids: number[]; start: number }> {
    let scored = 0;
    for (let from = 0; scored < ids.length; from += stride) {
      const end = Math.min(ids.length, from + window - 1);
      yield { tag: null, ids: [tokenizer.bosId, ...ids.slice(from, end)], start: 1 + scored - from };
      scored = end;
    }
  }
  const enter = (part: { ids: number[]; start: number }) => {
    const row = scoreRow(part.ids, part.start, (id, logits) => {
      total.logprob += logSoftmaxAt(logits, id);
      total.tokens++;
    });
    return { row, entry: null };
  };
  for await (const { error } of feedRows(engine, windows(), enter, null, options)) {
    if (error) throw error;
    onTokens?.(total.tokens, ids.length);
  }
  return total;
}

/** Characters encoded at once. */
const MAX_PIECE = 500_000;

/** Ids of a text of any length; it is cut after newlines, where no token crosses. */
export function encodeLong(tokenizer: Tokenizer, text: string): number[] {
  const ids: number[] = [];
  const newline = tokenizer.encode("\n", { bos: false, eos: false });
  for (let start = 0; start < text.length; ) {
    let end = text.length;
    if (end - start > MAX_PIECE) {
      end = start + MAX_PIECE;
      while (end > start && !(text[end - 1] === "\n" && /\S/.test(text[end]!))) end--;
      if (end === start) throw new LlamaError("usage", `has a line of more than ${MAX_PIECE} characters`);
    }
    const piece = text.slice(start, end);
    // In the middle of a text, a piece must not get the space that SentencePiece puts before a text.
    const coded = tokenizer.encode(start === 0 ? piece : `\n${piece}`, { bos: false, eos: false });
    for (let i = start === 0 ? 0 : newline.length; i < coded.length; i++) ids.push(coded[i]!);
    start = end;
  }
  return ids;
}
