/** What a model is asked for, from the call to its end: a request, the same in the queue, and the same in the batch. Plain data. */
import type { Engine } from "../../engine/engine.js";
import type { RankedToken } from "../sampling/logprobs.js";
import type { FinishReason } from "../sampling/options.js";
import type { RowDrafts } from "../speculation/speculation.js";

/** A sequence that outlives its row. */
export interface KeptSequence {
  sequence: number;
  /** Tokens of the row's prompt that it holds; kept up to date while the row runs. */
  length: number;
}

/** One sequence to be continued. */
export interface GenerationRequest {
  promptIds: readonly number[];
  /** New tokens at most. */
  maxTokens: number;
  /** Logits [vocabSize] to the next id. */
  sample: (logits: Float32Array) => number;
  stopIds: ReadonlySet<number>;
  /** Told of each new token before it is handed out; true ends the row with it. */
  push?: (id: number) => boolean;
  logprobs: boolean;
  /** So many of the most likely tokens are handed out beside each new one. */
  topLogprobs?: number;
  /** Wants the logits after tokens of the prompt, from index `from` on. A row that wants them may have maxTokens 0. */
  score?: { from: number; take: (index: number, logits: Float32Array) => void };
  /** The caller's own sequence; a row without gets one that is forgotten. */
  kept?: KeptSequence;
}

/** A new token of a row, or the row's end. The token that stopped it is not handed out. */
export type TokenEvent =
  | { row: number; id: number; logprob: number | null; top: RankedToken[] | null; finishReason: null }
  | { row: number; id: null; finishReason: FinishReason };

/** The part of the engine the loop needs. */
export type Forward = Pick<Engine, "forward" | "newSequence" | "fork" | "reserve" | "release">;

/** A row and its number: how many were pushed before it. */
export interface QueuedRequest {
  row: number;
  spec: GenerationRequest;
}

/** A row in the batch. */
export interface RunningRequest extends QueuedRequest {
  /** null until its first chunk runs. */
  sequence: number | null;
  /** Prompt, then text. */
  ids: number[];
  /** Tokens of `ids` in the cache, which may hold failed guesses behind them; the next step overwrites those. */
  length: number;
  /** Tokens its cache may grow to. */
  positions: number;
  drafts: RowDrafts | null;
}
