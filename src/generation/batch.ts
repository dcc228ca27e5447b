/**
 * Many requests through one model: each becomes a row of the loop when there is room, and its answer is handed out when it
 * is whole. Knows rows and texts; not files or lines.
 */
import type { Engine } from "../engine/engine.js";
import { LlamaError } from "../error.js";
import { continueRows, type GenerationRow } from "./generate.js";
import { checkCount, type GenerateOptions } from "./options.js";
import type { Completion } from "./results.js";
import { RowQueue } from "./row-queue.js";
import type { RowText } from "./row-text.js";
import type { Speculation } from "./speculation.js";
import { GenerationStats } from "./stats.js";
import { TokenScores } from "./token-scores.js";
import type { Tokenizer } from "./tokenizer.js";

/** Rows at once, unless asked otherwise: beyond it a row more hardly makes a step cheaper. */
export const DEFAULT_CONCURRENCY = 16;

/** One prompt, and a tag that comes back with its answer. */
export type BatchRequest<T> =
  | {
      tag: T;
      /** A text gets a beginning-of-sentence token; token ids are taken as they are. */
      prompt: string | readonly number[];
      options?: BatchRequestOptions;
    }
  /** Found wrong by the caller; it is answered with this error when its turn comes. */
  | { tag: T; refused: LlamaError };

export type BatchRequestOptions = Omit<GenerateOptions, "promptLookupNumTokens" | "onPrompt" | "signal">;

export interface BatchOptions extends Pick<GenerateOptions, "promptLookupNumTokens" | "signal"> {
  /** Requests that run at once at most. Default 16. */
  concurrency?: number;
  /** Bytes for keys and values at most; fewer requests run at once where they are long. */
  kvMemory?: number;
  /** Kept up to date. */
  stats?: GenerationStats;
}

/** As a stream ends, without times: a step's time belongs to all its rows. */
export type BatchCompletion = Omit<Completion, "timings">;

export type BatchAnswer<T> =
  | { tag: T; completion: BatchCompletion; error: null }
  | { tag: T; completion: null; error: LlamaError };

/** Makes a row of a request, or throws the LlamaError that it is answered with. */
export type Prepare = (
  prompt: string | readonly number[],
  options: BatchRequestOptions,
) => { row: GenerationRow; sampling: { seed: number }; text: RowText };

interface Pending<T> {
  tag: T;
  error: LlamaError | null;
  promptIds: readonly number[];
  seed: number;
  text: RowText | null;
  ids: number[];
  scores: TokenScores | null;
}

export async function* runBatch<T>(
  engine: Engine,
  tokenizer: Tokenizer,
  prepare: Prepare,
  speculation: Speculation | null,
  requests: AsyncIterable<BatchRequest<T>> | Iterable<BatchRequest<T>>,
  options: BatchOptions,
): AsyncGenerator<BatchAnswer<T>, void, void> {
  const { concurrency = DEFAULT_CONCURRENCY, kvMemory, signal, stats = new GenerationStats() } = options;
  checkCount("concurrency", concurrency, 1);
  const maxPositions = kvMemory === undefined ? Number.POSITIVE_INFINITY : Math.floor(kvMemory / engine.positionBytes);
  const queue = new RowQueue();
  const pending = new Map<number, Pending<T>>();

  const enter = (request: BatchRequest<T>): void => {
    const { tag } = request;
    const entry: Pending<T> = {
      tag,
      error: null,
      promptIds: [],
      seed: 0,
      text: null,
      ids: [],
      scores: null,
    };
    try {
      if ("refused" in request) throw request.refused;
      const { options = {} } = request;
      const { row, sampling, text } = prepare(request.prompt, options);
      checkMemory(row, maxPositions, engine.positionBytes);
      const { promptIds } = row;
      const scores = new TokenScores(tokenizer, promptIds, options);
      pending.set(queue.push(scores.row(row)), { ...entry, promptIds, seed: sampling.seed, text, scores });
    } catch (error) {
      if (!(error instanceof LlamaError)) throw error;
      // A row without tokens keeps its place in the queue and ends when its turn comes.
      pending.set(queue.push(EMPTY_ROW), { ...entry, error });
    }
  };
  let failure: { error: unknown } | null = null;
  const feed = async (): Promise<void> => {
    try {
      for await (const request of requests) {
        if (queue.isEnded) return;
        enter(request);
        // As many wait as can run, so that a row's end never finds the queue empty, and beginnings can be compared.
        await queue.room(concurrency);
        if (queue.isEnded) return;
      }
    } catch (error) {
      failure = { error };
    } finally {
      queue.end();
    }
  };
  const stop = () => queue.end();
  signal?.addEventListener("abort", stop, { once: true });
  const feeding = feed();
  try {
    const limits = { maxRows: concurrency, maxPositions };
    for await (const event of continueRows(engine, queue, limits, stats, speculation, signal)) {
      const entry = pending.get(event.row)!;
      if (event.id !== null) {
        entry.ids.push(event.id);
        entry.scores?.add(event, entry.text?.take() ?? "");
        continue;
      }
      pending.delete(event.row);
      const { tag, error, promptIds, seed, ids, scores } = entry;
      entry.text?.flush();
      const text = entry.text?.text ?? "";
      const count = entry.text?.idCount ?? 0;
      ids.length = count;
      scores?.cut(count);
      const { finishReason } = event;
      const logprobs = { logprobs: scores?.tokens ?? null, promptLogprobs: scores?.prompt ?? null };
      const completion = { text, ids, promptIds: [...promptIds], finishReason, seed, ...logprobs };
      yield error ? { tag, completion: null, error } : { tag, completion, error: null };
    }
    if (!signal?.aborted) await feeding;
    if (failure) throw (failure as { error: unknown }).error;
  } finally {
    signal?.removeEventListener("abort", stop);
    queue.end();
  }
}

const EMPTY_ROW: GenerationRow = { promptIds: [], maxTokens: 0, sample: () => 0, stopIds: new Set(), logprobs: false };

function checkMemory({ promptIds, maxTokens }: GenerationRow, maxPositions: number, positionBytes: number): void {
  const positions = promptIds.length + maxTokens;
  if (positions <= maxPositions) return;
  const megabytes = (count: number) => `${((count * positionBytes) / 1e6).toFixed(1)} MB`;
  throw new LlamaError("usage", "needs more memory for keys and values than there is", {
    where: `${promptIds.length} tokens of prompt and ${maxTokens} new ones`,
    expected: `at most ${megabytes(maxPositions)} (kv_memory)`,
    found: megabytes(positions),
    fix: "Lower max_gen_len or raise kv_memory",
  });
}
