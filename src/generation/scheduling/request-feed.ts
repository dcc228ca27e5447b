/** Feeds the loop from any iterable of requests, as there is room, and hands its events out with what each row is for. Knows rows, not what they are asked. */
import { LlamaError } from "../../error.js";
import { checkCount } from "../sampling/options.js";
import type { Speculation } from "../speculation/speculation.js";
import { continueRequests } from "./loop.js";
import type { Forward, GenerationRequest, TokenEvent } from "./request.js";
import { RequestQueue } from "./request-queue.js";
import { GenerationStats } from "./stats.js";

/** Rows at once, unless asked otherwise: beyond it a row more hardly makes a step cheaper. */
const DEFAULT_CONCURRENCY = 16;

/** Besides running tokens, it tells what their keys and values take. */
export type FedEngine = Forward & { readonly positionBytes: number };

export interface FeedOptions {
  /** Requests that run at once at most. Default 16. */
  concurrency?: number;
  /** Bytes for keys and values at most; fewer requests run at once where they are long. */
  kvMemory?: number;
  /** Kept up to date. */
  stats?: GenerationStats;
  signal?: AbortSignal;
}

export type Requests<R> = AsyncIterable<R> | Iterable<R>;

/** A request that its caller has found wrong; it is answered with this error when its turn comes. */
export interface Refused<T> {
  tag: T;
  refused: LlamaError;
}

/** An event of a row, or the error that its request ended with before it became one. */
export type FeedEvent<T, E> =
  | { tag: T; entry: E; event: TokenEvent; error: null }
  | { tag: T; entry: null; event: null; error: LlamaError };

/** `enter` makes a row of a request, and an entry that comes back with its events; a LlamaError from it is the request's answer. */
export async function* feedRequests<T, R extends { tag: T }, E>(
  engine: FedEngine,
  requests: Requests<R | Refused<T>>,
  enter: (request: R) => { row: GenerationRequest; entry: E },
  speculation: Speculation | null,
  options: FeedOptions,
): AsyncGenerator<FeedEvent<T, E>, void, void> {
  const { concurrency = DEFAULT_CONCURRENCY, kvMemory, signal, stats = new GenerationStats() } = options;
  checkCount("concurrency", concurrency, 1);
  const maxPositions = kvMemory === undefined ? Number.POSITIVE_INFINITY : Math.floor(kvMemory / engine.positionBytes);
  const queue = new RequestQueue();
  const pending = new Map<number, { tag: T; entry: E; error: null } | { tag: T; entry: null; error: LlamaError }>();

  const push = (request: R | Refused<T>): void => {
    const { tag } = request;
    try {
      if ("refused" in request) throw request.refused;
      const { row, entry } = enter(request);
      checkMemory(row, maxPositions, engine.positionBytes);
      pending.set(queue.push(row), { tag, entry, error: null });
    } catch (error) {
      if (!(error instanceof LlamaError)) throw error;
      // A row without tokens keeps its place in the queue and ends when its turn comes.
      pending.set(queue.push(EMPTY_ROW), { tag, entry: null, error });
    }
  };
  let failure: { error: unknown } | null = null;
  const feed = async (): Promise<void> => {
    try {
      for await (const request of requests) {
        if (queue.isEnded) return;
        push(request);
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
    for await (const event of continueRequests(engine, queue, limits, stats, speculation, signal)) {
      const { tag, entry, error } = pending.get(event.row)!;
      if (event.id === null) pending.delete(event.row);
      if (error) yield { tag, entry: null, event: null, error };
      else yield { tag, entry, event, error };
    }
    if (!signal?.aborted) await feeding;
    if (failure) throw (failure as { error: unknown }).error;
  } finally {
    signal?.removeEventListener("abort", stop);
    queue.end();
  }
}

const EMPTY_ROW: GenerationRequest = {
  promptIds: [],
  maxTokens: 0,
  sample: () => 0,
  stopIds: new Set(),
  logprobs: false,
};

function checkMemory({ promptIds, maxTokens }: GenerationRequest, maxPositions: number, positionBytes: number): void {
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
