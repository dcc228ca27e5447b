/**
 * The generation loop: prompts in, tokens out, one flat batch a step. Every way to generate is a consumer of it.
 * Knows logits, ids and stop rules; not text, terminal or ranks, nor which rows are in a step (scheduler.ts).
 */
import type { SequenceTokens } from "../../engine/engine.js";
import { logSoftmaxAt, topLogprobs } from "../sampling/logprobs.js";
import type { RowDrafts, Speculation } from "../speculation/speculation.js";
import type { Forward, GenerationRequest, RunningRequest, TokenEvent } from "./request.js";
import { RequestQueue } from "./request-queue.js";
import { type Chunk, type ScheduleLimits, Scheduler } from "./scheduler.js";
import type { GenerationStats } from "./stats.js";

/** Continues all rows at once, as one batch. `onPrompt` is told while prompts run: tokens done, tokens of all prompts. */
export function generateTokens(
  engine: Forward,
  rows: readonly GenerationRequest[],
  stats: GenerationStats,
  speculation: Speculation | null,
  signal?: AbortSignal,
  onPrompt?: (done: number, total: number) => void,
): AsyncGenerator<TokenEvent, void, void> {
  const queue = new RequestQueue();
  for (const row of rows) queue.push(row);
  queue.end();
  const total = rows.reduce((sum, row) => sum + (row.maxTokens > 0 || row.score ? row.promptIds.length : 0), 0);
  const onPromptTokens = onPrompt && ((done: number) => onPrompt(done, total));
  return continueRequests(engine, queue, {}, stats, speculation, signal, onPromptTokens);
}

/**
 * Continues rows as they come, within the limits; rows do not influence each other, and a finished one makes room for the
 * next. Ends with the queue. An abort ends the rows that are still open, or waiting, with finishReason "abort".
 * `stats` is kept up to date. With `speculation` a step also runs guesses of what follows, and hands out as many tokens as
 * were guessed right and one more.
 */
export async function* continueRequests(
  engine: Forward,
  queue: RequestQueue,
  limits: ScheduleLimits,
  stats: GenerationStats,
  speculation: Speculation | null,
  signal?: AbortSignal,
  onPromptTokens?: (done: number) => void,
): AsyncGenerator<TokenEvent, void, void> {
  const scheduler = new Scheduler(engine, limits, speculation !== null);
  try {
    for (;;) {
      for (const { row } of scheduler.admit(queue)) yield { row, id: null, finishReason: "length" };
      if (scheduler.live.length === 0) {
        if (!(await queue.arrival())) return;
        continue;
      }
      const texts = scheduler.texts();
      const chunks = scheduler.chunks(texts.length);
      const guesses = chunks.length > 0 ? null : (speculation?.plan(texts.map(draftable)) ?? null);
      const batch = texts.map(({ ids, length, sequence }, i): SequenceTokens => {
        const tokens = [ids[length]!, ...(guesses?.[i] ?? [])];
        return { sequence: sequence!, position: length, tokens, logits: "all" };
      });
      batch.push(...chunks);
      const start = performance.now();
      const logits = await engine.forward(batch, signal);
      const count = batch.reduce((sum, { tokens }) => sum + tokens.length, 0);
      const prompt = chunks.reduce((sum, { tokens }) => sum + tokens.length, 0);
      stats.addStep({ prompt, rows: texts.length, drafts: count - prompt - texts.length }, performance.now() - start);
      stats.reusedTokens = scheduler.reusedTokens;
      if (prompt === 0) speculation?.observe(count, performance.now() - start);
      else onPromptTokens?.(stats.promptTokens + stats.reusedTokens);

      for (const [i, entry] of texts.entries()) {
        entry.length++;
        if (!(yield* decide(entry, guesses?.[i] ?? [], logits[i]!, stats, signal))) scheduler.leave(entry);
      }
      for (const [i, chunk] of chunks.entries()) {
        const { entry, position, tokens } = chunk;
        const rows = logits[texts.length + i]!;
        const last = takeScores(chunk, rows);
        entry.length = position + tokens.length;
        if (entry.length < entry.ids.length) continue;
        if (entry.spec.maxTokens > 0) {
          if (yield* decide(entry, [], last, stats, signal)) continue;
        } else yield { row: entry.row, id: null, finishReason: "length" };
        scheduler.leave(entry);
      }
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
    for (const { row } of scheduler.live) yield { row, id: null, finishReason: "abort" };
    for (let next = queue.take(); next; next = queue.take()) yield { row: next.row, id: null, finishReason: "abort" };
  } finally {
    scheduler.close();
  }
}

/** Hands a chunk's logits to a row that wants them; returns those of the last token. */
function takeScores({ entry, position, tokens, logits }: Chunk, rows: Float32Array): Float32Array {
  if (logits !== "all") return rows;
  const vocabSize = rows.length / tokens.length;
  const row = (i: number) => rows.subarray(i * vocabSize, (i + 1) * vocabSize);
  for (let i = 0; i < tokens.length; i++) entry.spec.score?.take(position + i, row(i));
  return row(tokens.length - 1);
}

/**
 * Samples a row's tokens from the logits after its pending token and after each guess, going on while the guess is what
 * was sampled: the same tokens from the same random numbers as one by one. Returns whether the row stays open.
 */
function* decide(
  entry: RunningRequest,
  guesses: readonly number[],
  logits: Float32Array,
  stats: GenerationStats,
  signal?: AbortSignal,
): Generator<TokenEvent, boolean, void> {
  const { row, spec, ids } = entry;
  const vocabSize = logits.length / (guesses.length + 1);
  for (let i = 0; ; i++) {
    const after = logits.subarray(i * vocabSize, (i + 1) * vocabSize);
    const id = spec.sample(after);
    if (spec.stopIds.has(id)) {
      yield { row, id: null, finishReason: "stop" };
      return false;
    }
    stats.generatedTokens++;
    ids.push(id);
    entry.drafts?.push(id);
    const isLast = spec.push?.(id) ?? false;
    const logprob = spec.logprobs ? logSoftmaxAt(after, id) : null;
    const top = spec.topLogprobs ? topLogprobs(after, spec.topLogprobs) : null;
    yield { row, id, logprob, top, finishReason: null };
    if (isLast) {
      yield { row, id: null, finishReason: "stop" };
      return false;
    }
    if (ids.length === spec.promptIds.length + spec.maxTokens) {
      yield { row, id: null, finishReason: "length" };
      return false;
    }
    if (guesses[i] !== id || signal?.aborted) return true;
    // The guess is in the cache already.
    entry.length++;
    stats.acceptedTokens++;
  }
}

/** A row's guesses, and room for as many of them as leave one token to be sampled after the last. */
function draftable({ drafts, spec, ids }: RunningRequest): { drafts: RowDrafts; room: number } {
  return { drafts: drafts!, room: spec.promptIds.length + spec.maxTokens - ids.length - 1 };
}
