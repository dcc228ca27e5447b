/** Runs the choices of a request on the model, all at once, and tells what happens to each. Does not know HTTP or JSON. */
import { setMaxListeners } from "node:events";
import type { Completion, CompletionEvent, RequestOptions } from "../../index.js";
import type { Admission, OpenChoice, OpenRequest } from "./admission.js";
import type { ServerModel } from "./server-model.js";

/** A choice to run. */
export interface ChoicePlan {
  ids: number[];
  stopIds: number[];
  options: RequestOptions;
  /** Separates KV caches further than the client does. */
  salt: string;
}

export interface ChoiceResult {
  completion: Completion;
  /** The end of its text, which was held back until it was whole. */
  rest: string;
  /** Milliseconds from its request to its first step, from there to the first token, and from there to the end. */
  queueMs: number;
  promptMs: number;
  textMs: number;
}

export interface RunOptions {
  client: string;
  /** Choices of requests with the same one share KV caches. */
  cacheOwner: string;
  admission: Admission;
  /** Aborted when the client has left. */
  signal: AbortSignal;
  /** 0: never. */
  timeoutMs: number;
  /** The error of a request that took too long. */
  timeoutError: () => Error;
  /** `choice`: its number, and how far it is with this event. */
  onEvent?: (index: number, event: Exclude<CompletionEvent, { kind: "end" }>, choice: OpenChoice) => void;
  onDone?: (choice: number, result: ChoiceResult) => void;
  /** Called once all choices are in the queue: no error of the request itself comes after. */
  onQueued?: () => void;
}

/**
 * Runs choices; returns their results in the same order. Throws what ended one, after the others have been cancelled: LlamaError
 * for a request that cannot be run, the reason of an abort, or the failure of the model.
 */
export async function runChoices(
  llama: ServerModel,
  plans: readonly ChoicePlan[],
  run: RunOptions,
): Promise<ChoiceResult[]> {
  const control = new AbortController();
  // Each choice listens.
  setMaxListeners(0, control.signal);
  const stop = (reason: unknown) => control.abort(reason);
  const leave = () => stop(run.signal.reason);
  const choices = plans.map(({ ids }) => openChoice(ids.length));
  const request: OpenRequest = { client: run.client, waiting: plans.length, running: 0, choices, cancel: stop };
  await llama.admit?.(plans.length);
  if (run.signal.aborted) throw run.signal.reason;
  run.admission.enter(request);
  run.signal.addEventListener("abort", leave, { once: true });
  const timer = run.timeoutMs > 0 ? setTimeout(() => stop(run.timeoutError()), run.timeoutMs) : undefined;
  try {
    const { signal } = control;
    const start = performance.now();
    const streams: AsyncIterableIterator<CompletionEvent>[] = [];
    try {
      for (const { ids, stopIds, options, salt } of plans) {
        const cacheSalt = JSON.stringify([run.cacheOwner, salt]);
        streams.push(llama.submit({ ...options, prompt: ids, stopIds, cacheSalt, client: run.client, signal }));
      }
    } catch (error) {
      await Promise.all(streams.map((stream) => stream.return?.()));
      throw error;
    }
    run.onQueued?.();
    const results = await Promise.all(
      streams.map((stream, i) => {
        const followed = follow(stream, start, request, choices[i]!, (event) => run.onEvent?.(i, event, choices[i]!));
        return followed.then(
          (result) => {
            if (!signal.aborted) run.onDone?.(i, result);
            return result;
          },
          (error) => {
            stop(error);
            throw error;
          },
        );
      }),
    );
    signal.throwIfAborted();
    for (const { promptMs, textMs } of results) run.admission.observe((promptMs + textMs) / 1000);
    return results;
  } catch (error) {
    stop(error);
    throw control.signal.reason;
  } finally {
    clearTimeout(timer);
    run.signal.removeEventListener("abort", leave);
    run.admission.leave(request);
  }
}

async function follow(
  stream: AsyncIterable<CompletionEvent>,
  start: number,
  request: OpenRequest,
  choice: OpenChoice,
  onEvent: (event: Exclude<CompletionEvent, { kind: "end" }>) => void,
): Promise<ChoiceResult> {
  let ended: { completion: Completion; text: string } | null = null;
  const begin = (now: number) => {
    if (choice.begunAt !== null) return;
    choice.begunAt = now;
    request.waiting--;
    request.running++;
  };
  try {
    for await (const event of stream) {
      const now = performance.now();
      if (event.kind !== "queued") begin(event.kind === "prefill" ? Math.max(start, now - event.stepMs) : now);
      if (event.kind === "token") choice.firstAt ??= now;
      note(choice, event);
      if (event.kind === "end") ended = event;
      else onEvent(event);
    }
  } finally {
    choice.state = "ended";
    if (choice.begunAt === null) request.waiting--;
    else request.running--;
  }
  const end = performance.now();
  const begunAt = choice.begunAt ?? end;
  const firstAt = choice.firstAt ?? end;
  const { completion, text: rest } = ended!;
  return { completion, rest, queueMs: begunAt - start, promptMs: firstAt - begunAt, textMs: end - firstAt };
}

let lastId = 0;

function openChoice(prompt: number): OpenChoice {
  const since = performance.now();
  const counts = { prompt, cached: 0, done: 0, predicted: 0 };
  return { id: ++lastId, state: "waiting", since, begunAt: null, firstAt: null, ...counts };
}

function note(choice: OpenChoice, event: CompletionEvent): void {
  if (event.kind === "prefill") {
    choice.state = event.done < event.total ? "prompt" : "text";
    choice.cached = event.reused;
    choice.done = event.done;
  } else if (event.kind === "token") {
    choice.state = "text";
    choice.done = choice.prompt;
    choice.predicted++;
  }
}
