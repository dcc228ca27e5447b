/** What the ways to generate return: plain data, with Meta's names where Meta has one. */
import type { FinishReason } from "../sampling/options.js";
import type { Timings } from "../scheduling/stats.js";
import type { TokenLogprob } from "./token-logprobs.js";

/** What generate() returns, one entry a prompt. */
export interface GenerateResult {
  /** New tokens (with echo: the prompt's before them), cut before the first stop token. */
  tokens: number[][];
  /** Log-probability (natural) of each token, the first of an echoed prompt having 0; null unless asked for. */
  logprobs: number[][] | null;
  finishReasons: FinishReason[];
  seed: number;
  timings: Timings;
}

/** As in Meta's generation.py: tokens and logprobs only when logprobs were asked for. */
export interface CompletionPrediction {
  generation: string;
  finishReason: FinishReason;
  tokens?: string[];
  logprobs?: number[];
}

/** The end of a stream. */
export interface Completion {
  text: string;
  ids: number[];
  promptIds: number[];
  finishReason: FinishReason;
  /** Prompt tokens that were found in a KV cache; the others ran. */
  reusedTokens: number;
  /** The stop token that ended it, which is not in `ids`. */
  stopId: number | null;
  /** Log-probabilities of that token, which has no text; null unless asked for. */
  stopLogprob: TokenLogprob | null;
  /** The stop string that ended it, which is not in `text`. */
  stopString: string | null;
  /** Whether the text is a whole of the form that was asked for; null without one. */
  formComplete: boolean | null;
  seed: number;
  timings: Timings;
  /** Of the new tokens; null unless asked for. */
  logprobs: TokenLogprob[] | null;
  /** Of the prompt's tokens; null unless asked for with echo. */
  promptLogprobs: TokenLogprob[] | null;
}

/** As a stream ends, without times: a step's time belongs to all its requests. */
export type BatchCompletion = Omit<Completion, "timings">;

/** One piece of a stream. `text` may be empty while a character is incomplete; `done` comes once, at the end, with id null. */
export type StreamEvent =
  | { id: number; text: string; logprob: TokenLogprob | null; done: null }
  | { id: null; text: string; done: Completion };
