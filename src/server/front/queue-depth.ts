/** How many requests of all fronts wait for workers, and how long a further one would. Does not know requests. */
import type { Streams } from "../../net/nats/net.js";
import { tooMany } from "../http/api-error.js";

/** Requests of that time see the same depth. */
const FRESH_MS = 250;
/** Weight of the last answer in the mean time of one. */
const NEWEST = 0.2;
const FIRST_GUESS_S = 2;

export class QueueDepth {
  readonly #streams: Streams;
  readonly #stream: string;
  readonly #consumer: string;
  readonly #maxQueue: number;
  #asked: { at: number; answer: Promise<void> } | null = null;
  #secondsAnAnswer = FIRST_GUESS_S;
  /** Requests that no worker has, and that workers have. */
  waiting = 0;
  running = 0;

  constructor(streams: Streams, stream: string, consumer: string, maxQueue: number) {
    this.#streams = streams;
    this.#stream = stream;
    this.#consumer = consumer;
    this.#maxQueue = maxQueue;
  }

  /** Throws ApiError (429) if too many wait already for `count` further requests. */
  async admit(count: number): Promise<void> {
    await this.#ask();
    if (this.waiting > 0 && this.waiting + count > this.#maxQueue) throw this.full();
  }

  full(): Error {
    return tooMany(`The queue is full: ${this.waiting} requests wait for a worker`, this.retryAfter());
  }

  /** The error of a request that no worker has taken in time. */
  late(seconds: number): Error {
    return tooMany(`No worker has taken the request within ${seconds} s`, this.retryAfter());
  }

  /** Takes note of how long a worker took. */
  observe(seconds: number): void {
    this.#secondsAnAnswer += NEWEST * (seconds - this.#secondsAnAnswer);
  }

  /** Seconds until a further request would begin, 1 to 60, spread so that clients do not return together. */
  retryAfter(): number {
    const seconds = ((this.waiting + 1) * this.#secondsAnAnswer) / Math.max(1, this.running);
    return Math.min(60, Math.max(1, seconds * (0.9 + 0.2 * Math.random())));
  }

  /** What cannot be asked stays as it was: the request itself will tell. */
  #ask(): Promise<void> {
    const now = performance.now();
    if (this.#asked && now - this.#asked.at < FRESH_MS) return this.#asked.answer;
    const answer = this.#streams.consumerState(this.#stream, this.#consumer).then(
      (state) => {
        this.waiting = state?.pending ?? 0;
        this.running = state?.unacked ?? 0;
      },
      () => {},
    );
    this.#asked = { at: now, answer };
    return answer;
  }
}
