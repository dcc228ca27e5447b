/**
 * The submitter's side of the queue: stores the requests of one job and collects their answers, each once, however workers and
 * server end meanwhile. Does not know what requests and answers hold.
 */
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { LlamaError } from "../../error.js";
import { type Net, type Streams, TooLarge } from "../nats/net.js";
import { AnswerReader, type JobAnswer } from "./answer-reader.js";
import { type JobEvent, JobWatch } from "./job-watch.js";
import {
  answerStream,
  COLLECTOR,
  COLLECTOR_CONSUMER,
  QUEUE_VERSION,
  requestStream,
  requestSubject,
  VERSION_HEADER,
  workerConsumer,
} from "./layout.js";
import { LineSet } from "./line-set.js";
import { StuckStream } from "./stuck-stream.js";

export interface JobRequest {
  /** Number of the request in its job, from 1; the same request has the same number in every run. */
  line: number;
  data: Uint8Array;
}

export interface JobOptions<R extends JobRequest = JobRequest> {
  model: string;
  job: string;
  /** Time after which a lost worker's request goes to another; of a new queue only. */
  ackWaitMs?: number | undefined;
  /** Asked for as there is room, after what is stored already was taken. */
  requests: AsyncIterable<R>;
  /** Keeps answers for good: when it resolves they are removed from the server. Each line comes once; calls do not overlap. */
  take: (answers: JobAnswer[]) => Promise<void>;
  /** A request that the server will never take. */
  refuse: (request: R, error: LlamaError) => Promise<void>;
  onEvent?: (event: JobEvent) => void;
  signal: AbortSignal;
}

/** `complete`: every request has an answer. `lost`: the server has lost requests; submit again what has no answer. */
export type JobEnd = "complete" | "lost" | "stopped";

/** Submitted and not answered, over which no further request is submitted. */
const MAX_OPEN = 20_000;
/** Requests that wait for the server's word at once. */
const SUBMITTING = 64;
const RETRY_MS = 300;
/** After the server had no room nobody submits for so long: answers, which make room, go first. */
const NO_ROOM_MS = 2000;
/** Between looks whether the server delivers what it has. */
const LOOK_MS = 1000;
/** A request that the server cannot take, while no answer comes either, ends the job after it. */
const GIVE_UP_MS = 60_000;
const REPEAT_MS = 30_000;

export class QueueJob<R extends JobRequest = JobRequest> {
  readonly #net: Net;
  readonly #streams: Streams;
  readonly #options: JobOptions<R>;
  readonly #open = new Set<number>();
  readonly #taken = new LineSet();
  readonly #stop = new AbortController();
  #failure: unknown = null;
  #lastAnswer = performance.now();
  #wakers: (() => void)[] = [];
  #isFull = false;
  #submitAt = 0;
  /** Requests that the server has not taken yet. */
  #unsent = 0;
  #trouble = { text: "", at: 0 };

  private constructor(net: Net, streams: Streams, options: JobOptions<R>) {
    this.#net = net;
    this.#streams = streams;
    this.#options = options;
    // Every request that waits listens to it.
    setMaxListeners(0, this.#stop.signal);
  }

  /** Runs the job to its end. Throws LlamaError if the server refuses or stays away, and what `take` or `requests` throws. */
  static async run<R extends JobRequest>(net: Net, options: JobOptions<R>): Promise<JobEnd> {
    return new QueueJob(net, await net.streams(), options).#run();
  }

  /** Removes the stream of answers of a job that is complete. A key may lack the permission; an empty stream harms nobody. */
  static async remove(net: Net, job: string): Promise<void> {
    try {
      await (await net.streams()).deleteStream(answerStream(job).name);
    } catch (error) {
      if (!(error instanceof LlamaError)) throw error;
    }
  }

  async #run(): Promise<JobEnd> {
    const { job, onEvent, signal } = this.#options;
    const puller = await this.#lasting(async () => {
      await this.#prepare();
      await this.#deliverAgain();
      return this.#streams.puller(answerStream(job).name, COLLECTOR);
    });
    const reader = new AnswerReader(puller, this.#take.bind(this), this.#fail.bind(this));
    const watch = new JobWatch(this.#net, this.#streams, this.#options, {
      open: () => this.#open.size - this.#unsent,
      silentMs: this.#silentMs.bind(this),
      fail: this.#fail.bind(this),
      tell: (event) => {
        // The silence before was the server's.
        if (event.kind === "reconnected") {
          this.#lastAnswer = performance.now();
          this.#deliverAgain().catch((error) => {
            if (!this.#stop.signal.aborted) this.#fail(error);
          });
        }
        onEvent?.(event);
      },
    });
    const abort = () => this.#stop.abort();
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    this.#stop.signal.addEventListener("abort", this.#wake.bind(this), { once: true });
    const watching = watch.run(this.#stop.signal);
    try {
      await this.#takeStored();
      await this.#submitAll();
      while (this.#open.size > 0 && !this.#stop.signal.aborted) await this.#change();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#stop.abort();
      signal.removeEventListener("abort", abort);
      await reader.close();
      await watching;
    }
    if (watch.isLost) return "lost";
    if (this.#failure !== null && !signal.aborted) throw this.#failure;
    return this.#open.size === 0 && !signal.aborted ? "complete" : "stopped";
  }

  async #prepare(): Promise<void> {
    const { model, job, ackWaitMs } = this.#options;
    await this.#streams.ensureStream(answerStream(job));
    await this.#streams.ensureConsumer(answerStream(job).name, COLLECTOR_CONSUMER);
    await this.#streams.ensureStream(requestStream(model));
    await this.#streams.ensureConsumer(requestStream(model).name, workerConsumer(ackWaitMs));
  }

  /** What was on its way to a collector that was killed, or over a connection that was lost, would else be waited for. */
  async #deliverAgain(): Promise<void> {
    const { name } = answerStream(this.#options.job);
    await this.#lasting(async () => {
      // A server that has lost it is the watch's affair.
      if ((await this.#streams.streamState(name)) === null) return;
      await this.#streams.deleteConsumer(name, COLLECTOR);
      await this.#streams.ensureConsumer(name, COLLECTOR_CONSUMER);
    });
  }

  /** Tries again while a server that was there starts again. */
  async #lasting<T>(action: () => Promise<T>): Promise<T> {
    const start = performance.now();
    for (;;) {
      try {
        return await action();
      } catch (error) {
        const isOver = this.#stop.signal.aborted || performance.now() - start > GIVE_UP_MS;
        if (!(error instanceof LlamaError) || error.kind === "usage" || isOver) throw error;
        this.#tellTrouble(error);
      }
      await this.#pause(RETRY_MS);
    }
  }

  /** What an earlier run of the job left on the server is taken before any line is submitted again. */
  async #takeStored(): Promise<void> {
    const { name } = answerStream(this.#options.job);
    const stuck = new StuckStream(this.#streams, name, COLLECTOR_CONSUMER);
    let lookAt = performance.now() + LOOK_MS;
    while (!this.#stop.signal.aborted) {
      const state = await this.#lasting(() => this.#streams.streamState(name));
      if ((state?.messages ?? 0) === 0) return;
      if (performance.now() > lookAt) {
        if (await this.#lasting(() => stuck.look())) this.#tell({ kind: "consumer-made-again" });
        lookAt = performance.now() + LOOK_MS;
      }
      await this.#pause(50);
    }
  }

  async #submitAll(): Promise<void> {
    const submitting = new Set<Promise<void>>();
    for await (const request of this.#options.requests) {
      if (this.#stop.signal.aborted) break;
      this.#open.add(request.line);
      this.#unsent++;
      const submission: Promise<void> = this.#submit(request)
        .catch((error) => this.#fail(error))
        .finally(() => {
          this.#unsent--;
          submitting.delete(submission);
          this.#wake();
        });
      submitting.add(submission);
      while ((submitting.size >= SUBMITTING || this.#open.size >= MAX_OPEN) && !this.#stop.signal.aborted) {
        await this.#change();
      }
    }
    await Promise.all(submitting);
  }

  /** Tries until the server has it. */
  async #submit(request: R): Promise<void> {
    const { model, job, refuse } = this.#options;
    const { line, data } = request;
    const start = performance.now();
    while (!this.#stop.signal.aborted) {
      await this.#pause(this.#submitAt - performance.now());
      try {
        const headers = { [VERSION_HEADER]: QUEUE_VERSION };
        const stored = await this.#streams.store(requestSubject(model, job, line), data, headers);
        // "exists": an earlier run has submitted it, or the server's word was lost.
        if (stored === "stored" || stored === "exists") {
          this.#isFull = false;
          return;
        }
        if (stored === "no-stream") await this.#prepare();
        if (stored === "full" && !this.#isFull) this.#tell({ kind: "full" });
        this.#isFull ||= stored === "full";
        if (stored === "no-room") {
          this.#submitAt = performance.now() + NO_ROOM_MS;
          const fix = "Raise the limit of JetStream, or make room on its disk";
          throw new LlamaError("runtime", "the server has no room for a request", { fix });
        }
      } catch (error) {
        if (!(error instanceof LlamaError)) throw error;
        if (error instanceof TooLarge) {
          this.#open.delete(line);
          return refuse(request, error);
        }
        const silentMs = Math.min(this.#silentMs(), performance.now() - start);
        if (error.kind === "usage" || (this.#net.isConnected && silentMs > GIVE_UP_MS)) throw error;
        if (this.#net.isConnected) this.#tellTrouble(error);
      }
      await this.#pause(RETRY_MS);
    }
  }

  async #take(answers: JobAnswer[]): Promise<void> {
    // Of two with the same line, which only a lost stream can have led to, one.
    const byLine = new Map(answers.map((answer) => [answer.line, answer]));
    const fresh = [...byLine.values()].filter(({ line }) => !this.#taken.has(line));
    if (fresh.length > 0) await this.#options.take(fresh);
    for (const { line } of fresh) {
      this.#taken.add(line);
      this.#open.delete(line);
    }
    this.#lastAnswer = performance.now();
    this.#wake();
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#stop.abort();
  }

  #silentMs(): number {
    return performance.now() - this.#lastAnswer;
  }

  /** The same for many requests at once is one line. */
  #tellTrouble(error: LlamaError): void {
    const now = performance.now();
    if (error.message === this.#trouble.text && now - this.#trouble.at < REPEAT_MS) return;
    this.#trouble = { text: error.message, at: now };
    this.#tell({ kind: "trouble", error });
  }

  #tell(event: JobEvent): void {
    this.#options.onEvent?.(event);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wakers.push(resolve));
  }

  #wake(): void {
    const woken = this.#wakers;
    this.#wakers = [];
    for (const wake of woken) wake();
  }

  async #pause(ms: number): Promise<void> {
    if (ms > 0) await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => {});
  }
}
