/**
 * The part of a worker that runs the requests of fronts (`serve --queue`): it takes them before others, sends each token as it
 * comes, and stops when the front does not want it any more. Does not know HTTP.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { LlamaError } from "../../error.js";
import { type Net, NoAnswer, NoResponders, type PulledMessage, type Puller, type Streams } from "../../net/nats/net.js";
import { POISON_DELIVERIES } from "../../net/queue/layout.js";
import {
  attemptOf,
  encode,
  readServiceRequest,
  type ServiceMessage,
  type ServiceReply,
  type ServiceRequest,
} from "../../server/front/service-message.js";
import {
  cancelSubject,
  placeOf,
  SERVICE_CONSUMER,
  serviceStream,
  tokenSubject,
} from "../../server/front/service-queue.js";
import type { ServiceOptions } from "./service-options.js";

const PULL_MS = 20_000;
const WORKING_MS = 5000;
/** Between looks for the stream, which the first front makes. */
const RETRY_MS = 1000;
/** Time for a front to say whether it still waits. */
const REPLY_MS = 5000;
/** A front that is away for longer will ask again. */
const AWAY_TRIES = 20;
/** After a pull has waited so long, the queue is empty. */
const EMPTY_MS = 20;

interface Running {
  message: PulledMessage;
  control: AbortController;
}

export class ServiceWorker {
  readonly #options: ServiceOptions;
  readonly #streams: Streams;
  readonly #running = new Map<string, Running>();
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  readonly #loop: Promise<void>;
  readonly #cancels: { close(): void };
  readonly #stopListening: () => void;
  #puller: Puller | null = null;
  /** Tokens of all prompts and texts so far. */
  tokens = 0;
  /** When the pull that waits was sent; null: none waits. */
  #pullingSince: number | null = null;

  private constructor(options: ServiceOptions, streams: Streams) {
    this.#options = options;
    this.#streams = streams;
    const cancels = options.net.subscribe(cancelSubject(">"));
    this.#cancels = cancels;
    void this.#followCancels(cancels).catch((error) => this.#tell(error));
    this.#keepRunning(WORKING_MS);
    // A server that was away may have lost the queue, and does not answer pulls of what it does not know.
    this.#stopListening = options.net.onStatus((status) => {
      if (status === "reconnected") void this.#dropPuller();
    });
    this.#loop = this.#pull();
  }

  static async open(options: ServiceOptions): Promise<ServiceWorker> {
    return new ServiceWorker(options, await options.net.streams());
  }

  get running(): number {
    return this.#running.size;
  }

  /** Resolves when no request of a front waits, for all that this worker can see. */
  async idle(): Promise<void> {
    while (this.#pullingSince !== null && !this.#closing.signal.aborted) {
      const left = EMPTY_MS - (performance.now() - this.#pullingSince);
      if (left <= 0) return;
      await sleep(left);
    }
  }

  /** Takes no more requests; resolves when those that run have ended or `deadline` aborts, which gives them back. */
  async close(deadline: AbortSignal): Promise<void> {
    if (this.#closing.signal.aborted) return this.#loop;
    this.#closing.abort();
    await this.#puller?.close();
    deadline.addEventListener("abort", () => this.#giveBack(), { once: true });
    if (deadline.aborted) this.#giveBack();
    await this.#loop;
    clearInterval(this.#timer);
    this.#cancels.close();
    this.#stopListening();
  }

  #giveBack(): void {
    for (const [place, { message, control }] of [...this.#running]) {
      this.#running.delete(place);
      message.nak();
      control.abort();
    }
  }

  async #pull(): Promise<void> {
    const runs = new Set<Promise<void>>();
    while (!this.#closing.signal.aborted) {
      try {
        const message = await this.#next();
        if (message === null) continue;
        const end = this.#options.begin();
        const run: Promise<void> = this.#run(message)
          .catch((error) => this.#tell(error))
          .finally(() => {
            end();
            runs.delete(run);
          });
        runs.add(run);
      } catch (error) {
        this.#tell(error);
        await this.#pause(RETRY_MS);
      }
    }
    await Promise.all(runs);
  }

  /** The next request, when there is room for it; null if no request waits. */
  async #next(): Promise<PulledMessage | null> {
    const { name } = serviceStream(this.#options.model);
    if (this.#puller === null) {
      // A server that has lost its memory has lost the queue, which the front makes again.
      const state = await this.#streams.consumerState(name, SERVICE_CONSUMER.name);
      if (state === null) {
        await this.#pause(RETRY_MS);
        return null;
      }
      this.#keepRunning(Math.min(WORKING_MS, (state.ackWaitMs || WORKING_MS) / 3));
      this.#puller = await this.#streams.puller(name, SERVICE_CONSUMER.name);
    }
    await this.#options.room();
    if (this.#closing.signal.aborted) return null;
    this.#pullingSince = performance.now();
    const message = await this.#puller?.next(PULL_MS);
    this.#pullingSince = null;
    if (!message && !this.#closing.signal.aborted) await this.#dropPuller();
    return message ?? null;
  }

  /** Tells the server what still runs, before it gives it to another worker. */
  #keepRunning(everyMs: number): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      for (const { message } of this.#running.values()) message.working();
    }, everyMs);
  }

  async #dropPuller(): Promise<void> {
    const puller = this.#puller;
    this.#puller = null;
    await puller?.close();
  }

  async #run(message: PulledMessage): Promise<void> {
    const place = placeOf(message.subject);
    const request = readServiceRequest(message.data);
    if (request === null) {
      this.#options.onEvent({ kind: "strange", subject: message.subject });
      return message.ack();
    }
    const known = this.#running.get(place);
    if (known) {
      // The server did not hear in time that it still runs; the last delivery is the one to acknowledge.
      known.message = message;
      return;
    }
    const attempt = attemptOf(request.round, message.deliveryCount);
    if (message.deliveryCount >= POISON_DELIVERIES) {
      this.#options.onEvent({ kind: "poison", place });
      const text = `given up after ${message.deliveryCount - 1} workers were lost with it`;
      const error = { kind: "runtime" as const, message: text };
      await this.#deliver(place, { attempt, n: 0, kind: "error", error });
      return message.ack();
    }
    const control = new AbortController();
    const running: Running = { message, control };
    this.#running.set(place, running);
    try {
      const isWanted = (await this.#ask(place, { attempt, n: 0, kind: "events", events: [] })) !== "gone";
      const last = isWanted ? await this.#generate(place, attempt, request, control.signal) : null;
      if (last !== null) await this.#deliver(place, last);
      // Else it was given back. An acknowledgement that is lost is made good by the next worker, whom the front does not want.
      if (this.#running.has(place)) void running.message.ack().catch(() => {});
    } catch (error) {
      if (this.#running.has(place)) running.message.nak();
      throw error;
    } finally {
      this.#running.delete(place);
    }
  }

  /** Sends what happens, and returns what is to be said at the end; null if nobody wants it. Throws what the model has failed with. */
  async #generate(
    place: string,
    attempt: number,
    { promptIds: prompt, options, ...rest }: ServiceRequest,
    signal: AbortSignal,
  ): Promise<ServiceMessage | null> {
    const { llama, net, onEvent } = this.#options;
    let n = 0;
    this.tokens += prompt.length;
    try {
      for await (const event of llama.submit({ ...options, ...requestParts(rest), prompt, signal })) {
        if (event.kind === "end") {
          if (event.completion.finishReason === "abort") return null;
          const { promptIds: _, ...completion } = event.completion;
          onEvent({ kind: "done", place, tokens: n });
          return { attempt, n, kind: "end", text: event.text, completion };
        }
        this.#send(net, place, { attempt, n, kind: "events", events: [event] });
        if (event.kind === "token") {
          n++;
          this.tokens++;
        }
      }
      return null;
    } catch (error) {
      if (signal.aborted) return null;
      if (!(error instanceof LlamaError) || llama.failure?.error === error) throw error;
      const { kind, message } = error;
      return { attempt, n, kind: "error", error: { kind, message } };
    }
  }

  /** What is lost on the way comes with the whole answer. */
  #send(net: Net, place: string, message: ServiceMessage): void {
    if (net.isConnected) net.publish(tokenSubject(place), encode(message));
  }

  /** Says the last word until the front has it. */
  async #deliver(place: string, message: ServiceMessage): Promise<void> {
    for (let i = 0; i < AWAY_TRIES; i++) {
      try {
        if (this.#options.net.isConnected && (await this.#ask(place, message)) !== null) return;
      } catch (error) {
        if (!(error instanceof LlamaError) || error.kind !== "usage") throw error;
        if (message.kind !== "end") return;
        const shorter = { ...message.completion, logprobs: null, promptLogprobs: null };
        await this.#ask(place, { ...message, completion: shorter });
        return;
      }
      await this.#pause(RETRY_MS);
    }
  }

  /** The front's answer; null if none came. A front that listens to nothing has ended, or will ask again. */
  async #ask(place: string, message: ServiceMessage): Promise<ServiceReply | null> {
    try {
      const { data } = await this.#options.net.request(tokenSubject(place), encode(message), REPLY_MS);
      return new TextDecoder().decode(data) === "gone" ? "gone" : "wanted";
    } catch (error) {
      if (error instanceof NoResponders && message.kind === "events") return "gone";
      if (error instanceof NoResponders || error instanceof NoAnswer) return null;
      if (error instanceof LlamaError && error.kind === "runtime") return null;
      throw error;
    }
  }

  async #followCancels(cancels: AsyncIterable<{ subject: string }>): Promise<void> {
    const start = cancelSubject("").length;
    for await (const { subject } of cancels) this.#running.get(subject.slice(start))?.control.abort();
  }

  #tell(error: unknown): void {
    const { llama, net, onEvent, onFailure } = this.#options;
    if (!(error instanceof LlamaError) || llama.failure?.error === error) onFailure(error);
    // Without a connection everything fails, and the worker has said that already.
    else if (net.isConnected) onEvent({ kind: "trouble", error });
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => {});
  }
}

function requestParts({ stopIds, cacheSalt, client }: Omit<ServiceRequest, "promptIds" | "options">) {
  return { stopIds, cacheSalt, client };
}
