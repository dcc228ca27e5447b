/** The loop of a worker: takes as many requests from the queue as the model has room for, runs them and stores their answers. Does not know kinds of requests. */
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { LlamaError } from "../../../error.js";
import { GenerationStats, type Llama } from "../../../index.js";
import { TooLarge } from "../../../net/nats/net.js";
import { POISON_DELIVERIES } from "../../../net/queue/layout.js";
import type { QueuedRequest, RequestSource } from "../../../net/queue/request-source.js";
import { type Origin, recordOf } from "../../json-lines/json-line.js";
import { decodeBody } from "../../queue/request-body.js";
import { workOf } from "./kinds.js";

export interface LoopOptions {
  concurrency: number;
  drainMs: number;
  /** Begins the end: no further request is taken. */
  signal: AbortSignal;
  onDone: (request: QueuedRequest, what: "answered" | "failed" | "poison", seconds: number) => void;
}

/** Answers that the server has not confirmed yet, over which no request is taken. */
const MAX_STORING = 64;

export class WorkLoop {
  readonly stats = new GenerationStats();
  /** Requests that are taken before those of the loop, and run beside it. */
  urgent: { idle(): Promise<void> } | null = null;
  readonly #llama: Llama;
  readonly #source: RequestSource;
  readonly #options: LoopOptions;
  /** Ends what runs. */
  readonly #control = new AbortController();
  #running = 0;
  #storing = 0;
  #failure: { error: unknown } | null = null;
  #wakers: (() => void)[] = [];

  constructor(llama: Llama, source: RequestSource, options: LoopOptions) {
    this.#llama = llama;
    this.#source = source;
    this.#options = options;
    // Every request listens to it.
    setMaxListeners(0, this.#control.signal);
  }

  /** Until the signal: true if all that ran was answered. Throws what the model failed with; other workers then get the requests. */
  async run(): Promise<boolean> {
    const { signal, drainMs } = this.#options;
    const stop = () => void this.#source.close().then(() => this.#wake());
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    while (!this.#failure && !signal.aborted) {
      if (!this.#hasRoom()) {
        await this.#change();
        continue;
      }
      await this.urgent?.idle();
      if (!this.#hasRoom()) continue;
      const request = await this.#source.next();
      if (request) void this.#start(request);
    }
    await this.#source.close();
    const end = performance.now() + drainMs;
    while (this.#running + this.#storing > 0 && !this.#failure && performance.now() < end) {
      await Promise.race([this.#change(), sleep(Math.min(100, drainMs))]);
    }
    const isWhole = this.#source.running === 0;
    this.#control.abort();
    this.#source.giveBackAll();
    if (this.#failure) throw this.#failure.error;
    return isWhole;
  }

  /** Requests that run, of the loop and beside it. */
  get running(): number {
    return this.#running;
  }

  /** Resolves when a further request has room. */
  async room(): Promise<void> {
    while (!this.#hasRoom() && !this.#failure) await this.#change();
  }

  /** Counts a request that runs beside the loop; returns what is to be called at its end. */
  begin(): () => void {
    this.#running++;
    return () => {
      this.#running--;
      this.#wake();
    };
  }

  /** Ends the loop with what the model has failed with. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    void this.#source.close().then(() => this.#wake());
  }

  /** Of the KV caches that run, one more of their average size must fit: how long a request is shows when it is read. */
  #hasRoom(): boolean {
    if (this.#running >= this.#options.concurrency || this.#storing >= MAX_STORING) return false;
    const { running, kvBytes } = this.#llama.requestCounts;
    return running === 0 || (kvBytes.running / running) * (this.#running + 1) <= kvBytes.limit;
  }

  async #start(request: QueuedRequest): Promise<void> {
    const start = performance.now();
    this.#running++;
    let record: { text: string; isError: boolean } | null = null;
    try {
      record = await this.#record(request);
    } catch (error) {
      if (!this.#control.signal.aborted) this.#failure ??= { error };
    }
    this.#running--;
    this.#storing++;
    this.#wake();
    try {
      if (record === null) request.giveBack();
      else if (await this.#store(request, record.text)) {
        const what = request.isPoison ? "poison" : record.isError ? "failed" : "answered";
        this.#options.onDone(request, what, (performance.now() - start) / 1000);
      }
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#storing--;
    this.#wake();
  }

  async #record(request: QueuedRequest): Promise<{ text: string; isError: boolean }> {
    let origin: Origin = { line: request.line, id: "null" };
    try {
      const body = decodeBody(request.data, request.line);
      origin = body.origin;
      if (request.isPoison) return { text: poisonRecord(origin, request.deliveryCount), isError: true };
      const context = { llama: this.#llama, stats: this.stats, signal: this.#control.signal };
      const { fields, error } = await workOf(body.kind)(body.fields, origin, context);
      if (!fields && !error) throw new Error("interrupted");
      return { text: recordOf(origin, fields, error), isError: error !== null };
    } catch (error) {
      if (!(error instanceof LlamaError) || error === this.#llama.failure?.error) throw error;
      return { text: recordOf(origin, null, error), isError: true };
    }
  }

  async #store(request: QueuedRequest, text: string): Promise<boolean> {
    const { signal } = this.#control;
    try {
      return await request.answer(new TextEncoder().encode(text), signal);
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error;
      const { origin } = decodeBody(request.data, request.line);
      return request.answer(new TextEncoder().encode(recordOf(origin, null, error)), signal);
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wakers.push(resolve));
  }

  #wake(): void {
    const woken = this.#wakers;
    this.#wakers = [];
    for (const wake of woken) wake();
  }
}

/** Of a request that is not run any more. */
function poisonRecord(origin: Origin, deliveryCount: number): string {
  const found = `delivery ${deliveryCount}, ${POISON_DELIVERIES - 1} are tried`;
  const message = `workers took this request and never answered; ${found}. It may be what ends them`;
  return recordOf(origin, { error: { kind: "poison", message } }, null);
}
