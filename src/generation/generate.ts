/**
 * The generation loop: prompts in, tokens out, one flat batch a step. Every way to generate is a consumer of it.
 * Knows logits, ids and stop rules; not text, terminal or ranks.
 */
import type { Engine, SequenceTokens } from "../engine/engine.js";
import { logSoftmaxAt } from "./logprobs.js";
import type { FinishReason } from "./options.js";
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
  /** Tokens in the cache once the pending one has run. */
  length: number;
  generated: number;
  pending: number;
}

/** The part of the engine the loop needs. */
export type Forward = Pick<Engine, "forward" | "newSequence" | "release">;

/**
 * Continues all rows at once; rows do not influence each other, and a finished one leaves the batch.
 * An abort ends the rows that are still open with finishReason "abort". `stats` is kept up to date.
 */
export async function* generateTokens(
  engine: Forward,
  rows: readonly GenerationRow[],
  stats: GenerationStats,
  signal?: AbortSignal,
): AsyncGenerator<TokenEvent, void, void> {
  let live: LiveRow[] = [];
  const finish = (row: number, finishReason: FinishReason): TokenEvent => ({ row, id: null, finishReason });
  for (const [row, spec] of rows.entries()) {
    if (spec.maxTokens <= 0) yield finish(row, "length");
    else live.push({ row, spec, sequence: engine.newSequence(), length: 0, generated: 0, pending: 0 });
  }
  const sequences = live.map(({ sequence }) => sequence);

  try {
    for (let prefill = true; live.length > 0; prefill = false) {
      const batch = live.map(({ spec, sequence, length, pending }): SequenceTokens => {
        const tokens = prefill ? spec.promptIds : [pending];
        return { sequence, position: length, tokens, logits: "last" };
      });
      const start = performance.now();
      const logits = await engine.forward(batch, signal);
      stats.add(
        prefill,
        batch.reduce((sum, { tokens }) => sum + tokens.length, 0),
        performance.now() - start,
      );

      const next: LiveRow[] = [];
      for (const [i, entry] of live.entries()) {
        const { row, spec } = entry;
        const id = spec.sample(logits[i]!);
        entry.length += batch[i]!.tokens.length;
        if (spec.stopIds.has(id)) {
          yield finish(row, "stop");
          continue;
        }
        stats.generatedTokens++;
        entry.generated++;
        entry.pending = id;
        yield { row, id, logprob: spec.logprobs ? logSoftmaxAt(logits[i]!, id) : null, finishReason: null };
        if (entry.generated === spec.maxTokens) yield finish(row, "length");
        else next.push(entry);
      }
      live = next;
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
    for (const { row } of live) yield finish(row, "abort");
  } finally {
    for (const sequence of sequences) engine.release(sequence);
  }
}
