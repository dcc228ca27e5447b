/**
 * Runs one request at a time and shows it while it runs: what comes is gathered, and drawn once a frame. Does not know whether
 * it writes a turn or a text.
 */

import { cost } from "../history/database.js";
import { noteFailure } from "../state/server-state.js";
import { live } from "../state/store.js";
import type { Finish, Live, Phase, Stats, Token } from "../state/types.js";
import { WireError } from "../wire/api.js";
import { type CompletionEvent, streamCompletion } from "../wire/completion.js";

/** A hidden page has no frames. */
const HIDDEN_MS = 250;
/** Between calls of `onProgress`. */
const PROGRESS_MS = 1000;
/** Times that a write takes, so that writes are a small part of the whole. */
const SPARED = 30;
/** Errors after which the same request may find a place. */
const BUSY = new Set(["overloaded", "too_many_requests"]);
const BUSY_MS = 2000;

export interface RunPlan {
  conversation: string;
  /** Null: the text of Complete. */
  turn: string | null;
  /** The request; called again for each try. */
  body(signal: AbortSignal): Promise<Record<string, unknown>>;
  /** What the answer has already. */
  before?: { text: string; tokens: Token[] };
  /** Called about every second, so that a reload loses little. */
  onProgress?(text: string, tokens: Token[]): void;
}

export interface RunResult {
  text: string;
  tokens: Token[];
  finish: Finish;
  endId: number | null;
  stats: Stats | null;
  promptIds: number[] | null;
  /** The prompt's tokens, with `echo`. */
  echo: Token[] | null;
  /** Why it failed; null if it did not. */
  error: unknown;
}

let control: AbortController | null = null;
let running: OneRun | null = null;

/** Ends the request that runs; what came is kept. */
export function stopRun(): void {
  control?.abort(new DOMException("stopped", "AbortError"));
}

/** Has what came so far kept at once: the page may go now. */
export function keepProgress(): void {
  running?.keep();
}

/** Runs a request to its end. Never throws: the result says what failed. */
export async function run(plan: RunPlan): Promise<RunResult> {
  const own = new AbortController();
  control = own;
  const one = new OneRun(plan);
  running = one;
  try {
    while (!(await one.attempt(own.signal)));
  } catch (error) {
    one.fail(error, own.signal.aborted);
  }
  control = null;
  running = null;
  one.close();
  return one.result;
}

class OneRun {
  readonly result: RunResult;
  readonly #plan: RunPlan;
  readonly #state: Live;
  #frame = 0;
  #timer = 0;
  #progressAt = performance.now();

  constructor(plan: RunPlan) {
    const { text = "", tokens = [] } = plan.before ?? {};
    const now = performance.now();
    this.#plan = plan;
    this.result = {
      ...{ text, tokens: [...tokens], finish: "failed", endId: null, stats: null, promptIds: null },
      ...{ echo: null, error: null },
    };
    this.#state = {
      ...{ conversation: plan.conversation, turn: plan.turn, phase: { kind: "sending" }, text, tokens },
      kept: tokens.length,
      ...{ startedAt: now, firstTokenAt: null, heardAt: now, promptTokens: null, reusedTokens: null },
    };
    this.#show();
  }

  /** Returns whether the request is over; if not, it is worth another try. */
  async attempt(signal: AbortSignal): Promise<boolean> {
    try {
      const body = await this.#plan.body(signal);
      const heard = () => {
        this.#state.heardAt = performance.now();
      };
      for await (const event of streamCompletion(body, signal, heard)) this.#take(event);
      return true;
    } catch (error) {
      if (!(error instanceof WireError) || !BUSY.has(error.code)) throw error;
      const wait = error.retryAfterMs ?? BUSY_MS;
      this.#phase({ kind: "busy", retryAt: Date.now() + wait });
      await sleep(wait, signal);
      this.#phase({ kind: "sending" });
      return false;
    }
  }

  fail(error: unknown, wasStopped: boolean): void {
    const { result } = this;
    if (wasStopped) result.finish = "stopped";
    else {
      result.finish = "failed";
      result.error = error;
      noteFailure(error);
    }
    result.stats ??= this.#ownStats();
  }

  close(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    live.value = null;
  }

  #take(event: CompletionEvent): void {
    const { result } = this;
    const state = this.#state;
    if (event.kind === "queued") this.#phase({ kind: "queued", position: event.position, of: event.of });
    else if (event.kind === "prompt") {
      const { done, total, reused } = event;
      state.promptTokens = total;
      state.reusedTokens = reused;
      this.#phase({ kind: "prompt", done, total, reused });
    } else if (event.kind === "echo") result.echo = event.tokens;
    else if (event.kind === "text") {
      result.text += event.text;
      result.tokens.push(...event.tokens);
      if (event.text !== "" || event.tokens.length > 0) state.firstTokenAt ??= performance.now();
      this.#phase({ kind: "writing" });
      this.#note();
    } else {
      const { finish, endId, stats, promptIds } = event;
      Object.assign(result, { finish, endId, promptIds, stats: stats ?? this.#ownStats() });
    }
  }

  #note(): void {
    const now = performance.now();
    if (now - this.#progressAt < Math.max(PROGRESS_MS, SPARED * cost.saveMs)) return;
    this.keep();
  }

  keep(): void {
    this.#progressAt = performance.now();
    this.#plan.onProgress?.(this.result.text, this.result.tokens);
  }

  /** Times as the page saw them. */
  #ownStats(): Stats | null {
    const { startedAt, firstTokenAt, promptTokens, reusedTokens } = this.#state;
    if (firstTokenAt === null) return null;
    const made = this.result.tokens.length - (this.#plan.before?.tokens.length ?? 0);
    const seconds = (performance.now() - firstTokenAt) / 1000;
    return {
      ...{ promptTokens: promptTokens ?? 0, reusedTokens: reusedTokens ?? 0, newTokens: made },
      ...{
        firstTokenMs: firstTokenAt - startedAt,
        tokensPerSecond: seconds > 0 ? (made - 1) / seconds : 0,
        seed: null,
      },
    };
  }

  #phase(phase: Phase): void {
    this.#state.phase = phase;
    if (this.#frame !== 0) return;
    const draw = () => {
      cancelAnimationFrame(this.#frame);
      clearTimeout(this.#timer);
      this.#frame = 0;
      this.#show();
    };
    this.#frame = requestAnimationFrame(draw);
    this.#timer = window.setTimeout(draw, HIDDEN_MS);
  }

  #show(): void {
    live.value = { ...this.#state, text: this.result.text, tokens: [...this.result.tokens] };
  }
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", leave);
      resolve();
    }, milliseconds);
    if (signal.aborted) leave();
    signal.addEventListener("abort", leave, { once: true });
  });
}
