/** The worker's side of the queue: pulls requests of one model, keeps them while they run, and stores their answers. Does not know what they ask for. */
import { setTimeout as sleep } from "node:timers/promises";
import { LlamaError } from "../../error.js";
import type { Net, PulledMessage, Puller, Streams } from "../nats/net.js";
import {
  ACK_WAIT_MS,
  answerStream,
  answerSubject,
  POISON_DELIVERIES,
  placeOf,
  QUEUE_VERSION,
  requestStream,
  VERSION_HEADER,
  WORKERS,
} from "./layout.js";

export interface QueuedRequest {
  job: string;
  line: number;
  data: Uint8Array;
  /** 1 at the first delivery. */
  deliveryCount: number;
  /** It was delivered so often without an answer that it must not run again. */
  isPoison: boolean;
  /** Stores the answer, then removes the request. Waits for a lost server; false if `signal` ended that, or nobody wants the answer. */
  answer(data: Uint8Array, signal: AbortSignal): Promise<boolean>;
  /** Lets another worker take it, at once or after `delayMs`. */
  giveBack(delayMs?: number): void;
  /** Removes it without an answer. */
  drop(): Promise<void>;
}

/** What a worker may say of its queue, a line each. */
export type SourceEvent =
  | { kind: "no-requests-yet"; stream: string }
  | { kind: "ready" }
  | { kind: "answered-before"; job: string; line: number }
  | { kind: "unwanted"; job: string; line: number }
  | { kind: "other-version"; job: string; line: number; version: string }
  | { kind: "strange"; subject: string }
  | { kind: "trouble"; error: LlamaError };

/** A pull without a message is renewed after it. */
const PULL_MS = 20_000;
const WORKING_MS = 5000;
/** Between looks for a stream that is not there yet, and between tries where something fails. */
const RETRY_MS = 1000;
/** Time for workers of another version to take a request. */
const OTHER_VERSION_MS = 2000;
const ACK_TRIES = 3;
/** Trouble that stays the same is reported this often. */
const REPEAT_MS = 30_000;

export class RequestSource {
  readonly #streams: Streams;
  readonly #stream: string;
  readonly #onEvent: (event: SourceEvent) => void;
  readonly #running = new Set<PulledMessage>();
  readonly #closing = new AbortController();
  #puller: Puller | null = null;
  #timer: NodeJS.Timeout | null = null;
  #trouble = { text: "", at: 0 };

  private constructor(streams: Streams, model: string, onEvent: (event: SourceEvent) => void) {
    this.#streams = streams;
    this.#stream = requestStream(model).name;
    this.#onEvent = onEvent;
  }

  /** Throws LlamaError where the server has no JetStream. */
  static async open(net: Net, model: string, onEvent: (event: SourceEvent) => void): Promise<RequestSource> {
    return new RequestSource(await net.streams(), model, onEvent);
  }

  /** Requests that were taken and neither answered nor given back. */
  get running(): number {
    return this.#running.size;
  }

  /** The next request; waits for one as long as it takes. Null after `close`. Calls must not overlap. */
  async next(): Promise<QueuedRequest | null> {
    while (!this.#closing.signal.aborted) {
      try {
        this.#puller ??= await this.#open();
        const message = await this.#puller?.next(PULL_MS);
        const request = message && (await this.#check(message));
        if (request) return request;
      } catch (error) {
        if (!(error instanceof LlamaError)) throw error;
        this.#tell(error);
        await this.#pause(RETRY_MS);
      }
    }
    return null;
  }

  /** Pulls no more; what runs may still be answered. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#puller?.close();
    if (this.#running.size === 0) this.#stopTimer();
  }

  /** Gives back everything that runs. */
  giveBackAll(): void {
    for (const message of [...this.#running]) {
      this.#end(message);
      message.nak();
    }
  }

  /** Waits until the first request of this model was submitted: streams are made by those who submit. */
  async #open(): Promise<Puller | null> {
    for (let isFirst = true; !this.#closing.signal.aborted; isFirst = false) {
      const state = await this.#streams.consumerState(this.#stream, WORKERS);
      if (state !== null) {
        const puller = await this.#streams.puller(this.#stream, WORKERS);
        this.#keepRunning(Math.min(WORKING_MS, (state.ackWaitMs || ACK_WAIT_MS) / 3));
        this.#onEvent({ kind: "ready" });
        return puller;
      }
      if (isFirst) this.#onEvent({ kind: "no-requests-yet", stream: this.#stream });
      await this.#pause(RETRY_MS);
    }
    return null;
  }

  #keepRunning(everyMs: number): void {
    this.#stopTimer();
    this.#timer = setInterval(() => {
      for (const message of this.#running) message.working();
    }, everyMs);
  }

  #stopTimer(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Null if the message need not or cannot run here. */
  async #check(message: PulledMessage): Promise<QueuedRequest | null> {
    const place = placeOf(message.subject);
    if (place === null) {
      this.#onEvent({ kind: "strange", subject: message.subject });
      await message.ack();
      return null;
    }
    const { job, line } = place;
    const isPoison = message.deliveryCount >= POISON_DELIVERIES;
    if (message.deliveryCount > 1) {
      const state = await this.#answerState(job, line);
      if (state !== "missing") {
        this.#onEvent({ kind: state === "stored" ? "answered-before" : "unwanted", job, line });
        await message.ack();
        return null;
      }
    }
    const version = message.headers[VERSION_HEADER] ?? "";
    if (version !== QUEUE_VERSION && !isPoison) {
      this.#onEvent({ kind: "other-version", job, line, version });
      message.nak(OTHER_VERSION_MS);
      return null;
    }
    this.#running.add(message);
    return {
      ...{ job, line, isPoison, data: message.data, deliveryCount: message.deliveryCount },
      answer: (data, signal) => this.#answer(message, job, line, data, signal),
      giveBack: (delayMs) => {
        this.#end(message);
        message.nak(delayMs);
      },
      drop: () => this.#remove(message),
    };
  }

  async #answerState(job: string, line: number): Promise<"stored" | "missing" | "unwanted"> {
    const stream = answerStream(job).name;
    try {
      return (await this.#streams.has(stream, answerSubject(job, line))) ? "stored" : "missing";
    } catch (error) {
      if ((await this.#streams.streamState(stream)) === null) return "unwanted";
      throw error;
    }
  }

  async #answer(
    message: PulledMessage,
    job: string,
    line: number,
    data: Uint8Array,
    signal: AbortSignal,
  ): Promise<boolean> {
    let isRemoved = false;
    const remove = async () => {
      if (!isRemoved) await this.#remove(message);
      isRemoved = true;
    };
    for (;;) {
      let isStored = false;
      try {
        let stored = await this.#streams.store(answerSubject(job, line), data);
        if (stored === "no-room" && !isRemoved) {
          // Else a server that is full of requests would stay so. If this worker ends before the answer is stored, the
          // submitter finds out that the request is lost.
          await remove();
          stored = await this.#streams.store(answerSubject(job, line), data);
        }
        // "exists": whoever had the request before was quicker.
        isStored = stored === "stored" || stored === "exists";
        if (stored === "no-stream" && (await this.#streams.streamState(answerStream(job).name)) === null) {
          this.#onEvent({ kind: "unwanted", job, line });
          await remove();
          return false;
        }
        if (!isStored) throw new LlamaError("runtime", `the server has no room for an answer (${stored})`);
      } catch (error) {
        // What the server will never take is for the caller, who has a shorter answer.
        if (!(error instanceof LlamaError) || error.kind === "usage") throw error;
        this.#tell(error);
      }
      if (isStored) {
        await remove();
        return true;
      }
      if (signal.aborted) return false;
      await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #remove(message: PulledMessage): Promise<void> {
    for (let i = 0; i < ACK_TRIES; i++) {
      try {
        await message.ack();
        break;
      } catch {
        // It will come again, and the one who gets it finds the answer.
      }
    }
    this.#end(message);
  }

  #end(message: PulledMessage): void {
    this.#running.delete(message);
    if (this.#running.size === 0 && this.#closing.signal.aborted) this.#stopTimer();
  }

  #tell(error: LlamaError): void {
    const now = performance.now();
    if (error.message === this.#trouble.text && now - this.#trouble.at < REPEAT_MS) return;
    this.#trouble = { text: error.message, at: now };
    this.#onEvent({ kind: "trouble", error });
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => {});
  }
}
