/** POST /v1/completions as a stream of what happens. Checks each event: a broken one is an error, never a wrong text. */
import type { Alternative, Stats, Token } from "../state/types.js";
import { ask, WireError } from "./api.js";
import { readEvents } from "./sse.js";

export type CompletionEvent =
  | { kind: "queued"; position: number; of: number }
  | { kind: "prompt"; done: number; total: number; reused: number }
  /** The prompt itself, with `echo`. */
  | { kind: "echo"; text: string; tokens: Token[] }
  | { kind: "text"; text: string; tokens: Token[] }
  | { kind: "end"; finish: "stop" | "length"; endId: number | null; stats: Stats | null; promptIds: number[] | null };

/** The id of a token whose id the server has not said. */
const UNKNOWN = -1;

export interface Choice {
  text?: unknown;
  finish_reason?: unknown;
  /** A string or the id of a token. */
  stop_reason?: unknown;
  token_ids?: number[];
  prompt_token_ids?: number[];
  logprobs?: Logprobs | null;
}

interface Logprobs {
  tokens: string[];
  token_logprobs: (number | null)[];
  top_logprobs: (Record<string, number> | null)[];
  /** Ids of `tokens`. */
  token_ids?: number[];
  /** Ids of the names in top_logprobs. */
  top_token_ids?: (Record<string, number> | null)[];
}

interface StreamEvent {
  choices?: Choice[];
  queue?: { position: number; of: number };
  prompt_progress?: { processed: number; total: number; cache: number };
  timings?: Record<string, number>;
  seed?: number;
  error?: { code?: string; message?: string };
}

/** The events of a request; `body` without `stream`. `onBytes` is called for every sign of life. Throws WireError. */
export async function* streamCompletion(
  body: Record<string, unknown>,
  signal: AbortSignal,
  onBytes: () => void,
): AsyncGenerator<CompletionEvent> {
  const extra = { stream: true, return_token_ids: true, return_progress: true };
  const response = await ask("v1/completions", { ...body, ...extra }, signal);
  if (!response.body) throw new WireError(response.status, "broken", "The server's answer has no body");
  let awaitsEcho = body.echo === true;
  let hasEnded = false;
  try {
    for await (const data of readEvents(response.body, onBytes)) {
      if (data === "[DONE]" && hasEnded) return;
      for (const one of eventsOf(parse(data))) {
        hasEnded ||= one.kind === "end";
        if (awaitsEcho && one.kind === "text") {
          awaitsEcho = false;
          yield { ...one, kind: "echo" };
        } else yield one;
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof WireError) throw error;
    throw new WireError(0, "cut", "The connection broke off before the answer was whole");
  }
  throw new WireError(0, "cut", "The answer broke off: the server has ended or the connection was lost");
}

function parse(data: string): StreamEvent {
  let event: unknown;
  try {
    event = JSON.parse(data);
  } catch {
    throw new WireError(0, "broken", "The server sent an event that cannot be read");
  }
  if (event === null || typeof event !== "object") {
    throw new WireError(0, "broken", "The server sent an event that cannot be read");
  }
  const { error } = event as StreamEvent;
  if (error) throw new WireError(0, error.code ?? "", String(error.message ?? "The server failed"));
  return event as StreamEvent;
}

function* eventsOf({ choices = [], queue, prompt_progress: progress, timings, seed }: StreamEvent) {
  if (queue) yield { kind: "queued", position: queue.position, of: queue.of } as const;
  if (progress) {
    yield { kind: "prompt", done: progress.processed, total: progress.total, reused: progress.cache } as const;
  }
  for (const choice of choices) {
    if (typeof choice.text !== "string") {
      throw new WireError(0, "broken", "The server sent an event without text");
    }
    yield { kind: "text", text: choice.text, tokens: tokensOf(choice) } as const;
    const finish = choice.finish_reason;
    if (finish !== "stop" && finish !== "length") continue;
    const endId = typeof choice.stop_reason === "number" ? choice.stop_reason : null;
    const promptIds = choice.prompt_token_ids ?? null;
    yield { kind: "end", finish, endId, stats: statsOf(timings, seed), promptIds } as const;
  }
}

/** The token that ended the text is in the lists of log-probabilities, but not among the ids of the text. */
export function tokensOf({ token_ids: ids = [], stop_reason: end, logprobs }: Choice): Token[] {
  if (!logprobs) return ids.map((id) => ({ id, text: "", logprob: null, top: [] }));
  return logprobs.tokens.map((text, i) => {
    const top = topOf(logprobs.top_logprobs[i], logprobs.top_token_ids?.[i]);
    const found = logprobs.token_ids?.[i] ?? ids[i] ?? (typeof end === "number" ? end : null);
    return { id: found ?? UNKNOWN, text, logprob: logprobs.token_logprobs[i] ?? null, top };
  });
}

function topOf(top: Record<string, number> | null | undefined, ids: Record<string, number> | null | undefined) {
  const list: Alternative[] = Object.entries(top ?? {}).map(([text, logprob]) => {
    return { id: ids?.[text] ?? UNKNOWN, text, logprob };
  });
  return list.sort((a, b) => b.logprob - a.logprob);
}

function statsOf(timings: Record<string, number> | undefined, seed: number | undefined): Stats | null {
  if (!timings) return null;
  const { cache_n: reused = 0, prompt_n: computed = 0, predicted_n: made = 0 } = timings;
  return {
    ...{ promptTokens: reused + computed, reusedTokens: reused, newTokens: made },
    ...{ tokensPerSecond: timings.predicted_per_second ?? 0, seed: seed ?? null },
    firstTokenMs: (timings.queue_ms ?? 0) + (timings.prompt_ms ?? 0),
  };
}
