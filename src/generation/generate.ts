/**
 * The generation loop: prompts in, tokens out, one flat batch a step. Every way to generate is a consumer of it.
 * Knows logits, ids and stop rules; not text, terminal or ranks.
 */
import type { Engine, SequenceTokens } from "../engine/engine.js";
import { logSoftmaxAt } from "./logprobs.js";
import type { FinishReason } from "./options.js";
import { RowDrafts, type Speculation } from "./speculation.js";
import type { GenerationStats } from "./stats.js";

/** One sequence to be continued. */
export interface GenerationRow {
  promptIds: readonly number[];
  /** New tokens at most. */
  maxTokens: number;
  /** Logits [vocabSize] to the next id. */
  sample: (logits: Float32Array) => number;
  stopIds: ReadonlySet<number>;
  logprobs: boolean;
}

/** A new token of a row, or the row's end. The token that stopped it is not handed out. */
export type TokenEvent =
  | { row: number; id: number; logprob: number | null; finishReason: null }
  | { row: number; id: null; finishReason: FinishReason };

interface LiveRow {
  row: number;
  spec: GenerationRow;
  sequence: number;
  /** Tokens before the pending one. The cache may hold failed guesses behind them, which the next step overwrites. */
  length: number;
  generated: number;
  pending: number;
  drafts: RowDrafts | null;
}

/** The part of the engine the loop needs. */
export type Forward = Pick<Engine, "forward" | "newSequence" | "release">;

/**
 * Continues all rows at once; rows do not influence each other, and a finished one leaves the batch.
 * An abort ends the rows that are still open with finishReason "abort". `stats` is kept up to date.
 * With `speculation` a step also runs guesses of what follows, and hands out as many tokens as were guessed right and one more.
 */
export async function* generateTokens(
  engine: Forward,
  rows: readonly GenerationRow[],
  stats: GenerationStats,
  speculation: Speculation | null,
  signal?: AbortSignal,
  onPrompt?: (done: number, total: number) => void,
): AsyncGenerator<TokenEvent, void, void> {
  let live: LiveRow[] = [];
  for (const [row, spec] of rows.entries()) {
    if (spec.maxTokens <= 0) yield { row, id: null, finishReason: "length" };
    else {
      const drafts = speculation && new RowDrafts(spec.promptIds, spec.promptIds.length + spec.maxTokens);
      const length = spec.promptIds.length - 1;
      live.push({ row, spec, sequence: engine.newSequence(), length, generated: 0, pending: 0, drafts });
    }
  }
  const sequences = live.map(({ sequence }) => sequence);

  try {
    for (let prefill = true; live.length > 0; prefill = false) {
      const guesses = prefill ? null : (speculation?.plan(live.map(draftable)) ?? null);
      const batch = live.map(({ spec, sequence, length, pending }, i): SequenceTokens => {
        return prefill
          ? { sequence, position: 0, tokens: spec.promptIds, logits: "last" }
          : { sequence, position: length, tokens: [pending, ...(guesses?.[i] ?? [])], logits: "all" };
      });
      const count = batch.reduce((sum, { tokens }) => sum + tokens.length, 0);
      const onTokens = prefill && onPrompt ? (done: number) => onPrompt(done, count) : undefined;
      const start = performance.now();
      const logits = await engine.forward(batch, signal, onTokens);
      const milliseconds = performance.now() - start;
      if (prefill) stats.addPrefill(count, milliseconds);
      else {
        stats.addDecode(live.length, count - live.length, milliseconds);
        speculation?.observe(count, milliseconds);
      }

      const next: LiveRow[] = [];
      for (const [i, entry] of live.entries()) {
        if (yield* decide(entry, guesses?.[i] ?? [], logits[i]!, stats, signal)) next.push(entry);
      }
      live = next;
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
    for (const { row } of live) yield { row, id: null, finishReason: "abort" };
  } finally {
    for (const sequence of sequences) engine.release(sequence);
  }
}

/**
 * Samples a row's tokens from the logits after its pending token and after each guess, going on while the guess is what
 * was sampled: the same tokens from the same random numbers as one by one. Returns whether the row stays open.
 */
function* decide(
  entry: LiveRow,
  guesses: readonly number[],
  logits: Float32Array,
  stats: GenerationStats,
  signal?: AbortSignal,
): Generator<TokenEvent, boolean, void> {
  const { row, spec } = entry;
  const vocabSize = logits.length / (guesses.length + 1);
  for (let i = 0; ; i++) {
    const after = logits.subarray(i * vocabSize, (i + 1) * vocabSize);
    const id = spec.sample(after);
    entry.length++;
    if (spec.stopIds.has(id)) {
      yield { row, id: null, finishReason: "stop" };
      return false;
    }
    stats.generatedTokens++;
    entry.generated++;
    entry.pending = id;
    entry.drafts?.push(id);
    yield { row, id, logprob: spec.logprobs ? logSoftmaxAt(after, id) : null, finishReason: null };
    if (entry.generated === spec.maxTokens) {
      yield { row, id: null, finishReason: "length" };
      return false;
    }
    if (guesses[i] !== id || signal?.aborted) return true;
    stats.acceptedTokens++;
  }
}

/** A row's guesses, and room for as many of them as leave one token to be sampled after the last. */
function draftable({ drafts, spec, generated }: LiveRow): { drafts: RowDrafts; room: number } {
  return { drafts: drafts!, room: spec.maxTokens - generated - 1 };
}
