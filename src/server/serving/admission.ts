/**
 * Which requests may wait for the model, and how long that will take. Choices wait in the model's own queue; here they are
 * counted, for all clients and for each. Does not know HTTP.
 */
import { tooMany, unavailable } from "../http/api-error.js";

/** Weight of the last choice in the mean time of one. */
const NEWEST = 0.2;
const FIRST_GUESS_S = 2;

/** How far a choice is. */
export interface OpenChoice {
  readonly id: number;
  state: "waiting" | "prompt" | "text" | "ended";
  /** When it came, when its first step began and when its first token was there: milliseconds on the clock of performance.now(). */
  readonly since: number;
  begunAt: number | null;
  firstAt: number | null;
  /** Tokens: of the prompt, found in a KV cache, computed of the prompt, new. */
  readonly prompt: number;
  cached: number;
  done: number;
  predicted: number;
}

/** A request that is being answered. */
export interface OpenRequest {
  /** What tells its client from others. */
  readonly client: string;
  /** Choices that have not begun, and that have. */
  waiting: number;
  running: number;
  readonly choices: readonly OpenChoice[];
  /** Ends it with an error. */
  cancel(reason: Error): void;
}

export class Admission {
  readonly #open = new Set<OpenRequest>();
  readonly #concurrency: number;
  readonly #maxQueue: number;
  #secondsAChoice = FIRST_GUESS_S;

  constructor({ concurrency, maxQueue }: { concurrency: number; maxQueue: number }) {
    this.#concurrency = concurrency;
    this.#maxQueue = maxQueue;
  }

  get waiting(): number {
    return this.#sum(({ waiting }) => waiting);
  }

  get running(): number {
    return this.#sum(({ running }) => running);
  }

  /** The choices that wait or run, oldest first. */
  get choices(): OpenChoice[] {
    return [...this.#open].flatMap(({ choices }) => choices.filter(({ state }) => state !== "ended"));
  }

  /** Counts a request until leave(). Throws ApiError if too many choices wait: of all clients, or of this one. */
  enter(request: OpenRequest): void {
    const { waiting, running } = this;
    // Choices that find room at once do not wait.
    const added = Math.max(0, request.waiting - Math.max(0, this.#concurrency - running - waiting));
    if (added > 0 && waiting + added > this.#maxQueue) {
      throw unavailable("overloaded", `The queue is full: ${waiting} wait`, this.retryAfter());
    }
    const own = this.#sum((one) => (one.client === request.client ? one.waiting : 0));
    const share = Math.max(1, Math.floor(this.#maxQueue / 2));
    if (added > 0 && own + added > share) {
      throw tooMany(`Too many requests of one client wait: ${own} of at most ${share}`, this.retryAfter());
    }
    this.#open.add(request);
  }

  leave(request: OpenRequest): void {
    this.#open.delete(request);
  }

  /** Takes note of the time from a choice's first step to its end. */
  observe(seconds: number): void {
    this.#secondsAChoice += NEWEST * (seconds - this.#secondsAChoice);
  }

  /** Seconds until a further choice would begin, 1 to 60, spread so that clients do not return together. */
  retryAfter(): number {
    const seconds = ((this.waiting + this.running) * this.#secondsAChoice) / this.#concurrency;
    return Math.min(60, Math.max(1, seconds * (0.9 + 0.2 * Math.random())));
  }

  /** Ends the requests that have not begun, or all. */
  cancel(reason: Error, which: "waiting" | "all"): void {
    for (const request of [...this.#open]) if (which === "all" || request.running === 0) request.cancel(reason);
  }

  #sum(count: (request: OpenRequest) => number): number {
    let sum = 0;
    for (const request of this.#open) sum += count(request);
    return sum;
  }
}
