/** Many requests of one call: asked for as there is room, each run to its answer, handed on as they are done. Does not know what they are. */
import { setMaxListeners } from "node:events";
import type { LlamaError } from "../../error.js";
import { NUMBER, OBJECT, type OptionTypes, SIGNAL } from "../options/check-options.js";
import type { GenerationStats } from "./stats.js";

export type Requests<R> = AsyncIterable<R> | Iterable<R>;

/** A request that its caller has found wrong; it is answered with this error when its turn comes. */
export interface Refused<T> {
  tag: T;
  refused: LlamaError;
}

export interface FeedOptions {
  /** Requests of this call that run or wait at once at most. Default: twice as many as the model runs at once. */
  concurrency?: number;
  /** Counts the work of all of them. */
  stats?: GenerationStats;
  signal?: AbortSignal;
}

export const FEED_TYPES: OptionTypes<FeedOptions> = { concurrency: NUMBER, stats: OBJECT, signal: SIGNAL };

/**
 * Answers in the order in which they are done, at most `most` requests at once. An error of `run` ends all and is thrown; one of
 * the requests' source is thrown after the answers of those before it. An abort throws the signal's reason. Leaving the loop
 * aborts what runs.
 */
export async function* inFlight<R, A>(
  requests: Requests<R>,
  run: (request: R, signal: AbortSignal) => Promise<A>,
  most: number,
  signal?: AbortSignal,
): AsyncGenerator<A, void, void> {
  const control = new AbortController();
  // Every request listens to it.
  setMaxListeners(0, control.signal);
  const stop = () => control.abort(signal?.reason);
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  const answers: A[] = [];
  let active = 0;
  let isEnded = false;
  let failure: { error: unknown } | null = null;
  let sourceFailure: { error: unknown } | null = null;
  let wakers: (() => void)[] = [];
  const changed = () => {
    const woken = wakers;
    wakers = [];
    for (const wake of woken) wake();
  };
  const change = () => new Promise<void>((resolve) => wakers.push(resolve));
  control.signal.addEventListener("abort", changed, { once: true });

  const start = async (request: R): Promise<void> => {
    active++;
    try {
      answers.push(await run(request, control.signal));
    } catch (error) {
      failure ??= { error };
    } finally {
      active--;
      changed();
    }
  };
  const feed = async (): Promise<void> => {
    try {
      for await (const request of requests) {
        if (control.signal.aborted) return;
        void start(request);
        while (active + answers.length >= most && !failure && !control.signal.aborted) await change();
        if (failure || control.signal.aborted) return;
      }
    } catch (error) {
      sourceFailure = { error };
    } finally {
      isEnded = true;
      changed();
    }
  };
  void feed();
  try {
    for (;;) {
      const answer = answers.shift();
      if (answer !== undefined) {
        changed();
        yield answer;
        continue;
      }
      signal?.throwIfAborted();
      if (failure) throw (failure as { error: unknown }).error;
      if (isEnded && active === 0) break;
      await change();
    }
    if (sourceFailure) throw (sourceFailure as { error: unknown }).error;
  } finally {
    signal?.removeEventListener("abort", stop);
    control.abort();
  }
}
