/**
 * A model that workers run: it encodes and decodes texts itself, and puts what is to be generated into a queue. What becomes of
 * a request comes back by messages; after a lost connection it is put there again unless somebody has it. Loads no weights.
 */
import { randomBytes } from "node:crypto";
import { LlamaError } from "../../error.js";
import type { TextModel } from "../../generation/completion/text-model.js";
import { checkTopLogprobs, resolveMaxGenLen, resolveSampling, resolveStop } from "../../generation/sampling/options.js";
import { randomSeed } from "../../generation/sampling/random.js";
import { checkPrompt } from "../../generation/scheduling/prompt-check.js";
import type { CompletionEvent } from "../../index.js";
import type { Net, NetMessage, Streams } from "../../net/nats/net.js";
import { unavailable } from "../http/api-error.js";
import type { IdsRequest, ServerModel } from "../serving/server-model.js";
import { QueueDepth } from "./queue-depth.js";
import { RemoteCompletion } from "./remote-completion.js";
import { encode, readServiceMessage, type ServiceReply, type ServiceRequest } from "./service-message.js";
import { cancelSubject, requestSubject, SERVICE_CONSUMER, serviceStream, tokenSubject } from "./service-queue.js";

export interface QueueModelOptions {
  text: TextModel;
  net: Net;
  /** Name of the model in subjects. */
  model: string;
  /** Requests of all fronts that may wait. */
  maxQueue: number;
  /** A request that no worker has taken by then is refused; 0: never. */
  queueTimeoutMs: number;
}

interface Open {
  completion: RemoteCompletion;
  request: ServiceRequest;
  /** Nothing has come since the connection was there again. */
  isQuiet: boolean;
}

/** After this silence a request is put into the queue again, if it is in no stream. */
const QUIET_MS = 2000;
const ENCODER = new TextEncoder();

export class QueueModel implements ServerModel {
  readonly #options: QueueModelOptions;
  readonly #streams: Streams;
  readonly #depth: QueueDepth;
  /** The name of this front in subjects. */
  readonly #name = `f${randomBytes(8).toString("hex")}`;
  readonly #open = new Map<string, Open>();
  #count = 0;
  #failure: { error: unknown } | null = null;
  readonly worldSize = 0;
  readonly load = [];

  private constructor(options: QueueModelOptions, streams: Streams) {
    this.#options = options;
    this.#streams = streams;
    const { name } = serviceStream(options.model);
    this.#depth = new QueueDepth(streams, name, SERVICE_CONSUMER.name, options.maxQueue);
  }

  /** Throws LlamaError if the server has no room for the queue, or refuses it. */
  static async open(options: QueueModelOptions): Promise<QueueModel> {
    const { net } = options;
    const model = new QueueModel(options, await net.streams());
    await model.#ensureQueue();
    const messages = net.subscribe(tokenSubject(`${model.#name}.*`));
    void model.#follow(messages);
    net.onStatus((status) => {
      if (status === "reconnected") model.#resume();
      if (status === "closed") model.#fail(new LlamaError("runtime", "the connection to the queue is closed"));
    });
    await net.flush();
    return model;
  }

  get tokenizer() {
    return this.#options.text.tokenizer;
  }

  get config() {
    return this.#options.text.config;
  }

  get maxSeqLen() {
    return this.#options.text.maxSeqLen;
  }

  get parameterCount() {
    return this.#options.text.parameterCount;
  }

  get dtype() {
    return this.#options.text.dtype;
  }

  get chatName() {
    return this.#options.text.chatName;
  }

  get failure() {
    return this.#failure;
  }

  /** KV caches are where the workers are. */
  get requestCounts() {
    const running = [...this.#open.values()].filter(({ completion }) => completion.hasBegun).length;
    const kvBytes = { running: 0, kept: 0, limit: 0 };
    return { running, waiting: this.#open.size - running, kept: 0, kvBytes };
  }

  /** Requests of all fronts, when they were last asked for. */
  get queue(): { waiting: number; running: number } {
    const { waiting, running } = this.#depth;
    return { waiting, running };
  }

  encodePrompt: ServerModel["encodePrompt"] = (prompt, special) => this.#options.text.encodePrompt(prompt, special);

  encodeText: ServerModel["encodeText"] = (text, options) => this.#options.text.encodeText(text, options);

  toolUse: ServerModel["toolUse"] = (tools, options) => this.#options.text.toolUse(tools, options);

  hasTools: ServerModel["hasTools"] = (chat) => this.#options.text.hasTools(chat);

  prepareForm: ServerModel["prepareForm"] = (form) => this.#options.text.prepareForm(form);

  async admit(count: number): Promise<void> {
    if (!this.#options.net.isConnected) {
      throw unreachable("cannot be reached at the moment");
    }
    await this.#depth.admit(count);
  }

  /** Throws LlamaError (usage) at once for what no worker could run. */
  submit({
    prompt,
    stopIds,
    cacheSalt,
    client,
    signal,
    ...options
  }: IdsRequest): AsyncIterableIterator<CompletionEvent> {
    const { text, queueTimeoutMs } = this.#options;
    const promptIds = [...prompt];
    checkPrompt(promptIds, 0, text);
    const { seed } = resolveSampling(options, text.config.vocabSize, randomSeed);
    resolveMaxGenLen(options, text.maxSeqLen);
    resolveStop(options);
    checkTopLogprobs(options.topLogprobs);

    const place = `${this.#name}.${++this.#count}`;
    const request = { round: 1, promptIds, stopIds: [...stopIds], cacheSalt, client, options: { ...options, seed } };
    const since = performance.now();
    const completion = new RemoteCompletion(promptIds, (isAnswered) => {
      this.#open.delete(place);
      clearTimeout(timer);
      signal.removeEventListener("abort", leave);
      if (isAnswered) this.#depth.observe((performance.now() - since) / 1000);
      else this.#cancel(place, completion.hasBegun);
    });
    const leave = () => completion.fail(signal.reason);
    const late = () => {
      if (!completion.hasBegun) completion.fail(this.#depth.late(queueTimeoutMs / 1000));
    };
    const timer = queueTimeoutMs > 0 ? setTimeout(late, queueTimeoutMs) : undefined;
    const open = { completion, request, isQuiet: false };
    this.#open.set(place, open);
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    else {
      completion.queued(this.#depth.waiting);
      this.#store(place, open).catch((error) => completion.fail(unstored(error)));
    }
    return completion.events();
  }

  async close(): Promise<void> {
    for (const { completion } of [...this.#open.values()])
      completion.fail(new LlamaError("runtime", "the server ends"));
    await this.#options.net.close();
    await this.#options.text.close();
  }

  async #ensureQueue(): Promise<void> {
    const stream = serviceStream(this.#options.model);
    await this.#streams.ensureStream(stream);
    await this.#streams.ensureConsumer(stream.name, SERVICE_CONSUMER);
  }

  async #store(place: string, { request, completion }: Open): Promise<void> {
    const subject = requestSubject(this.#options.model, place);
    const data = encode(request);
    let stored = await this.#streams.store(subject, data);
    if (stored === "no-stream") {
      await this.#ensureQueue();
      stored = await this.#streams.store(subject, data);
    }
    if (stored === "full") throw this.#depth.full();
    if (stored === "no-stream") throw unreachable("is not there");
    // It came too late for those who waited.
    if (completion.isEnded) this.#cancel(place, completion.hasBegun);
  }

  /** A worker that has it stops; else nobody shall get it, and it counts no more. What fails here, the next worker finds out. */
  #cancel(place: string, hasBegun: boolean): void {
    if (this.#failure !== null) return;
    const { net, model } = this.#options;
    net.publish(cancelSubject(place), new Uint8Array(0));
    if (hasBegun || !net.isConnected) return;
    this.#streams.remove(serviceStream(model).name, requestSubject(model, place)).catch(() => {});
  }

  async #follow(messages: AsyncIterable<NetMessage>): Promise<void> {
    try {
      for await (const message of messages) this.#take(message);
    } catch (error) {
      this.#fail(error);
    }
  }

  #take(message: NetMessage): void {
    const read = readServiceMessage(message.data);
    const open = this.#open.get(message.subject.slice(tokenSubject("").length));
    let reply: ServiceReply = "gone";
    if (open && read) {
      open.isQuiet = false;
      reply = open.completion.take(read);
    }
    if (message.reply !== null) message.respond(ENCODER.encode(reply));
  }

  /** The server may have lost what it had in memory, and a worker may have found nobody to send tokens to. */
  #resume(): void {
    for (const open of this.#open.values()) open.isQuiet = true;
    setTimeout(() => {
      for (const [place, open] of this.#open) {
        if (!open.isQuiet) continue;
        open.isQuiet = false;
        open.request = { ...open.request, round: open.request.round + 1 };
        this.#store(place, open).catch((error) => {
          // With the next connection it is tried again.
          if (this.#options.net.isConnected) open.completion.fail(unstored(error));
        });
      }
    }, QUIET_MS).unref();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    for (const { completion } of [...this.#open.values()]) completion.fail(error);
  }
}

function unreachable(why: string): Error {
  return unavailable("queue_unreachable", `The queue of requests ${why}`, 2);
}

/** The error of a request that could not be put into the queue. One that is too large is the request's own. */
function unstored(error: unknown): unknown {
  return error instanceof LlamaError && error.kind === "runtime" ? unreachable("does not take requests") : error;
}
