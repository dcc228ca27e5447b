/** Watches a job while no answers come: whether workers are there, whether the server has lost requests or does not deliver them, and for how long it is away. */
import { setTimeout as sleep } from "node:timers/promises";
import { LlamaError } from "../../error.js";
import type { Net, Streams } from "../nats/net.js";
import { answerStream, COLLECTOR_CONSUMER, requestStream, requestSubject, WORKERS, workerConsumer } from "./layout.js";
import { StuckStream } from "./stuck-stream.js";

/** What a submitter may say of its job. */
export type JobEvent =
  | { kind: "full" }
  | { kind: "no-workers"; waiting: number }
  | { kind: "consumer-made-again" }
  | { kind: "disconnected" }
  | { kind: "reconnected" }
  | { kind: "trouble"; error: LlamaError };

/** Which job of which model. */
interface WatchedJob {
  model: string;
  job: string;
  ackWaitMs?: number | undefined;
}

/** How often it looks, and after which silence it asks the server. */
const CALM = { lookMs: 5000, silenceMs: 8000 };
/** The same for a while after the server was away: it may have lost something. */
const ALERT = { lookMs: 1000, silenceMs: 1500, forMs: 20_000 };
/** Between two lines about missing workers. */
const NO_WORKERS_MS = 60_000;
/** A server that is away for longer, or without room for longer, ends the job. */
const AWAY_MS = 600_000;

/** What the watch knows of the job. */
interface Watched {
  /** Requests submitted and not answered. */
  open: () => number;
  /** Since the last answer. */
  silentMs: () => number;
  fail: (error: LlamaError) => void;
  tell: ((event: JobEvent) => void) | undefined;
}

export class JobWatch {
  readonly #net: Net;
  readonly #streams: Streams;
  readonly #options: WatchedJob;
  readonly #job: Watched;
  /** Requests that were submitted are nowhere on the server. */
  isLost = false;
  #missingBefore = false;
  readonly #requests: StuckStream;
  readonly #answers: StuckStream;
  #toldAt = Number.NEGATIVE_INFINITY;
  #awaySince: number | null = null;
  #alertUntil = 0;

  constructor(net: Net, streams: Streams, options: WatchedJob, job: Watched) {
    this.#net = net;
    this.#streams = streams;
    this.#options = options;
    this.#job = job;
    const { model, ackWaitMs } = options;
    this.#requests = new StuckStream(streams, requestStream(model).name, workerConsumer(ackWaitMs));
    this.#answers = new StuckStream(streams, answerStream(options.job).name, COLLECTOR_CONSUMER);
  }

  get #times(): typeof CALM {
    return performance.now() < this.#alertUntil ? ALERT : CALM;
  }

  /** Until `signal`. */
  async run(signal: AbortSignal): Promise<void> {
    const stopListening = this.#net.onStatus((status) => {
      if (status === "disconnected") {
        this.#awaySince ??= performance.now();
        this.#job.tell?.({ kind: "disconnected" });
      }
      if (status === "reconnected") {
        this.#awaySince = null;
        this.#alertUntil = performance.now() + ALERT.forMs;
        this.#job.tell?.({ kind: "reconnected" });
      }
      if (status === "closed") this.#job.fail(new LlamaError("runtime", "the server has closed the connection"));
    });
    try {
      while (!signal.aborted) {
        await sleep(this.#times.lookMs, undefined, { signal }).catch(() => {});
        if (signal.aborted) return;
        await this.#look();
      }
    } finally {
      stopListening();
    }
  }

  async #look(): Promise<void> {
    if (this.#awaySince !== null) {
      if (performance.now() - this.#awaySince < AWAY_MS) return;
      const found = `no connection for ${AWAY_MS / 60_000} minutes`;
      return this.#job.fail(new LlamaError("runtime", "the server stays away", { found }));
    }
    if (this.#job.open() === 0 || this.#job.silentMs() < this.#times.silenceMs) {
      this.#missingBefore = false;
      return;
    }
    try {
      await this.#ask();
    } catch (error) {
      if (!(error instanceof LlamaError)) throw error;
      this.#job.tell?.({ kind: "trouble", error });
    }
  }

  async #ask(): Promise<void> {
    const { model, job } = this.#options;
    const { name } = requestStream(model);
    const consumer = await this.#streams.consumerState(name, WORKERS);
    const stored = consumer && (await this.#streams.count(name, requestSubject(model, job, "*")));
    const answers = await this.#streams.streamState(answerStream(job).name);
    const isMissing = !consumer || answers === null || (stored === 0 && answers.messages === 0);
    // Twice in a row: an answer may be between the server and here.
    if (isMissing && this.#missingBefore && this.#job.silentMs() >= this.#times.silenceMs) {
      this.isLost = true;
      return this.#job.fail(new LlamaError("runtime", "the server has lost requests"));
    }
    this.#missingBefore = isMissing;
    if (!consumer || isMissing) return;
    const { unacked, waiting } = consumer;
    const now = performance.now();
    if (waiting === 0 && unacked === 0 && now - this.#toldAt > NO_WORKERS_MS) {
      this.#toldAt = now;
      this.#job.tell?.({ kind: "no-workers", waiting: stored ?? 0 });
    }
    for (const stream of [this.#requests, this.#answers]) {
      if (await stream.look()) this.#job.tell?.({ kind: "consumer-made-again" });
    }
  }
}
