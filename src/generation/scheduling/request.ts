/** A request to a model and what comes of it: plain data, and the functions that the submitter provides. */
import type { ModelEngine } from "../../engine/host/model-engine.js";
import type { Constraint } from "../form/constraint.js";
import type { RankedToken } from "../sampling/logprobs.js";
import type { FinishReason } from "../sampling/options.js";
import type { GenerationStats } from "./stats.js";

/** One sequence to be continued, or to be scored. */
export interface GenerationRequest {
  promptIds: readonly number[];
  /** New tokens at most. */
  maxTokens: number;
  /** Tokens of the tokenizer: the model's rows from this one on are never chosen or listed. */
  tokenCount?: number;
  /** Logits [vocabSize] to the next id. An error from it ends this request alone. */
  sample: (logits: Float32Array) => number;
  stopIds: ReadonlySet<number>;
  /** Binds the new tokens to a form: `sample` gets only the logits of tokens that may follow. Of this request alone. */
  constraint?: Constraint;
  /** Called with each new token; returns the text that is final with it, and whether the request ends with it. */
  push?: (id: number) => { text: string; isLast: boolean };
  logprobs: boolean;
  /** Number of most likely tokens that come with each new one. */
  topLogprobs?: number;
  /** Wants the logits after tokens of the prompt, from index `from` on. Such a request may have maxTokens 0. */
  score?: { from: number; take: (index: number, logits: Float32Array) => void };
  /** Prompt lookup: tokens to draft in a step, "auto" where it pays; 0: never. */
  lookup?: number | "auto";
  /** Whether the clock may decide how many tokens are drafted: only where the text does not depend on it. */
  timedLookup?: boolean;
  /** Somebody watches the tokens come: steps are then bounded in time (`stepMs`) as long as it decodes. */
  isWatched?: boolean;
  /** Requests of one owner follow each other: the next continues in the KV cache of the last, whatever is cut off. */
  owner?: object;
  /** Nobody will continue this text: its KV cache is the first to be reused. */
  isDisposable?: boolean;
  /** false: neither uses the KV cache of another request nor leaves its own to later ones. */
  cachePrompt?: boolean;
  /** Requests share KV caches only with those of the same salt: otherwise their times would tell others' prompts. Default "". */
  cacheSalt?: string;
  /** Whose request it is: those of different clients are taken from the queue in turn. Default "". */
  client?: string;
  /** Counts this request's steps; several requests may share one. */
  stats?: GenerationStats;
}

/** What happens to a request, in this order: queued, prefill (several), token (any number), end. */
export type RequestEvent = QueuedEvent | PrefillEvent | TokenEvent | EndEvent;

/** Comes again whenever the request has moved up. */
export interface QueuedEvent {
  kind: "queued";
  /** Requests that wait before it. */
  position: number;
}

/** Comes after each step with a part of the prompt. */
export interface PrefillEvent {
  kind: "prefill";
  /** Prompt tokens in the KV cache. */
  done: number;
  total: number;
  /** Those of them that were found there. */
  reused: number;
  /** Milliseconds that the step took. */
  stepMs: number;
}

/** A new token. The one that stopped the request does not come. */
export interface TokenEvent {
  kind: "token";
  id: number;
  /** From `push`. */
  text: string;
  /** Natural logarithm; null unless asked for. */
  logprob: number | null;
  top: RankedToken[] | null;
}

export interface EndEvent {
  kind: "end";
  reason: FinishReason;
  /** The stop token that ended it, with what was asked for of each token. */
  stop: { id: number; logprob: number | null; top: RankedToken[] | null } | null;
}

/** The part of the engine that the loop needs. */
export type Forward = Pick<
  ModelEngine,
  "forward" | "newSequence" | "fork" | "trim" | "release" | "depth" | "recover" | "holds"
>;
