/**
 * The one loop of a model: every request is submitted to it, shares its steps and gets events of its own. A request that fails
 * or is cancelled ends alone. Knows logits, ids and stop rules; not text, terminal or ranks.
 */
import { setImmediate as breathe } from "node:timers/promises";
import type { SequenceTokens } from "../../engine/engine.js";
import { StageLost } from "../../engine/pipeline/stage-link.js";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import { Speculation } from "../speculation/speculation.js";
import { iterate } from "./event-queue.js";
import { type OpenRequest, openRequest } from "./open-request.js";
import type { EndEvent, Forward, GenerationRequest, RequestEvent } from "./request.js";
import { checkFits, checkQueue, type LoopLimits, pagedPositions } from "./request-limits.js";
import { boundDrafts, draftable, sampleTokens, takeScores } from "./sample-tokens.js";
import { type Chunk, Scheduler } from "./scheduler.js";
import { StepPace } from "./step-pace.js";
import { StepsInFlight } from "./steps-in-flight.js";

/** Sampling may keep the host's other work waiting this long. */
const BREATH_MS = 8;
/** Losses of a stage one after another, with no step between them, after which the loop gives up. */
const MAX_LOSSES = 10;

export interface RequestCounts {
  running: number;
  waiting: number;
  /** Ended requests whose KV caches are kept. */
  kept: number;
  /** Bytes of KV caches: of running requests, as far as they may grow; of kept ones; of both at most. */
  kvBytes: { running: number; kept: number; limit: number };
}

export class RequestLoop {
  readonly limits: LoopLimits;
  readonly #engine: Forward;
  readonly #scheduler: Scheduler;
  readonly #speculation: Speculation;
  readonly #pace: StepPace;
  readonly #inFlight: StepsInFlight;
  /** Steps that keep all stages of the engine at work. */
  readonly #depth: number;
  /** Those that run, until their tokens are sampled; at most #depth. */
  readonly #steps = new Set<Promise<void>>();
  /** When the last of them came back. */
  #lastStep = 0;
  /** What a step has failed with. */
  #broken: { error: unknown } | null = null;
  #losses = 0;
  #isRunning = false;
  #wake: (() => void) | null = null;
  /** Why no request can run any more. */
  #failure: { error: unknown } | null = null;

  constructor(engine: Forward, limits: LoopLimits, dtype: ComputeType) {
    this.limits = limits;
    this.#engine = engine;
    this.#depth = engine.depth ?? 1;
    this.#pace = new StepPace(dtype, limits.stepMs, this.#depth);
    this.#scheduler = new Scheduler(engine, limits, this.#pace);
    this.#inFlight = new StepsInFlight((entry) => this.#scheduler.leave(entry));
    this.#speculation = new Speculation(dtype);
  }

  get counts(): RequestCounts {
    const { running, waiting, pool, used } = this.#scheduler;
    const { positionBytes: size, maxPositions } = this.limits;
    const kvBytes = { running: used * size, kept: pool.positions * size, limit: maxPositions * size };
    return { running: running.length, waiting: waiting.length, kept: pool.size, kvBytes };
  }

  /** Why the engine runs no request any more; null while it does. */
  get failure(): { error: unknown } | null {
    return this.#failure;
  }

  /**
   * Puts a request in the queue; its events come as they are asked for, and leaving them cancels it. An abort ends it with the
   * reason "abort". Throws LlamaError for a request that can never run, or when too many wait.
   */
  submit(request: GenerationRequest, signal?: AbortSignal): AsyncIterableIterator<RequestEvent> {
    if (this.#failure) throw this.#failure.error;
    checkFits(request, this.limits);
    checkQueue(this.#scheduler.waiting.length, this.limits);
    const { maxTokens } = request;
    const entry = openRequest(request, () => this.#notify());
    const cancel = () => this.#cancel(entry);
    if (signal?.aborted) this.#finish(entry, { kind: "end", reason: "abort", stop: null });
    else if (maxTokens <= 0 && !request.score) this.#finish(entry, { kind: "end", reason: "length", stop: null });
    else {
      signal?.addEventListener("abort", cancel, { once: true });
      entry.events.push({ kind: "queued", position: this.#scheduler.enqueue(entry) });
      this.#notify();
      if (!this.#isRunning) void this.#run();
    }
    const close = () => {
      signal?.removeEventListener("abort", cancel);
      cancel();
    };
    return iterate(entry.events, close);
  }

  /** Runs `work` with the sequence that holds the longest prefix of `ids`; nobody changes it meanwhile. */
  withPrefix<T>(
    ids: readonly number[],
    work: (found: { sequence: number; length: number } | null) => Promise<T>,
  ): Promise<T> {
    return this.#scheduler.pool.use(ids, work);
  }

  /** Takes over a sequence that was filled with `ids` from elsewhere, for the next request of `owner`. */
  adopt(sequence: number, ids: readonly number[], owner: object): void {
    // It may have gone with a stage while it was filled.
    if (this.#engine.holds?.(sequence) === false) return;
    const positions = pagedPositions(ids.length, this.limits);
    this.#scheduler.pool.add({ sequence, ids, positions, owner, isDisposable: false });
    this.#scheduler.admit();
  }

  /** Drops the KV cache of what an owner has run. */
  forget(owner: object): void {
    this.#scheduler.pool.forget(owner);
  }

  /** Drops the KV caches of all ended requests. */
  clear(): void {
    this.#scheduler.pool.clear();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // Requests that are submitted together run together.
    await breathe();
    try {
      const { running, waiting } = this.#scheduler;
      for (;;) {
        if (this.#broken) await this.#mend(this.#broken.error);
        if (running.length + waiting.length === 0) break;
        this.#scheduler.admit();
        this.#scheduler.tellPositions();
        const isBegun = this.#begin();
        if (this.#steps.size === this.#depth) await Promise.race(this.#steps);
        else if (!isBegun) await Promise.race([...this.#steps, this.#change()]);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isRunning = false;
    }
  }

  /** Begins a step with those who are in none, if there are any. */
  #begin(): boolean {
    const texts = this.#scheduler.texts();
    const chunks = this.#scheduler.chunks(texts);
    if (texts.length + chunks.length === 0) return false;
    const step = this.#step(texts, chunks)
      .catch((error) => {
        this.#broken ??= { error };
      })
      .finally(() => this.#steps.delete(step));
    this.#steps.add(step);
    return true;
  }

  /** After a stage was lost: all run their prompts and the tokens they have given again, as soon as the engine is whole. Throws any other error. */
  async #mend(error: unknown): Promise<void> {
    if (!(error instanceof StageLost) || !this.#engine.recover || ++this.#losses > MAX_LOSSES) throw error;
    await Promise.all(this.#steps);
    this.#scheduler.restart();
    await this.#engine.recover();
    this.#broken = null;
  }

  /** One pass of the engine, and what follows from its logits. */
  async #step(texts: readonly OpenRequest[], chunks: readonly Chunk[]): Promise<void> {
    const drafts = chunks.length > 0 ? null : boundDrafts(texts, this.#speculation.plan(texts.map(draftable)));
    const batch = texts.map(({ ids, length, sequence }, i): SequenceTokens => {
      const tokens = [ids[length]!, ...(drafts?.[i] ?? [])];
      return { sequence: sequence!, position: length, tokens, logits: "all" };
    });
    batch.push(...chunks);
    for (const { entry, position, tokens } of chunks) entry.sent = position + tokens.length;
    const step = this.#inFlight.begin([...texts, ...chunks.map(({ entry }) => entry)]);
    const { signal } = step.control;
    const start = performance.now();
    let entries: (OpenRequest | null)[] = [];
    let logits: Float32Array[];
    try {
      logits = await this.#engine.forward(batch, signal);
      entries = this.#inFlight.end(step);
    } catch (error) {
      for (const entry of this.#inFlight.end(step)) if (entry) this.#inFlight.land(entry);
      // Everybody in the step was cancelled; what it has written will be overwritten.
      if (signal.aborted) return;
      throw error;
    }
    this.#losses = 0;
    // Steps that follow each other through stages overlap.
    const milliseconds = performance.now() - Math.max(start, this.#lastStep);
    this.#lastStep = performance.now();
    const count = batch.reduce((sum, { tokens }) => sum + tokens.length, 0);
    this.#pace.observe(count, milliseconds);
    this.limits.onStep?.(milliseconds);
    if (chunks.length === 0) this.#speculation.observe(count, milliseconds);

    let since = performance.now();
    for (const [i, item] of batch.entries()) {
      const chunk = i < texts.length ? null : (item as Chunk);
      const entry = entries[i];
      if (!entry) continue;
      this.#inFlight.land(entry);
      if (entry.isOver) continue;
      const share = (milliseconds * item.tokens.length) / count;
      const prompt = chunk ? item.tokens.length : 0;
      entry.request.stats?.addStep({ prompt, rows: chunk ? 0 : 1, drafts: chunk ? 0 : item.tokens.length - 1 }, share);
      try {
        if (chunk) this.#afterChunk(chunk, logits[i]!, milliseconds);
        else {
          entry.length++;
          this.#sample(entry, drafts?.[i] ?? [], logits[i]!);
        }
      } catch (error) {
        this.#end(entry, () => entry.events.end({ error }));
      }
      if (performance.now() - since < BREATH_MS) continue;
      await breathe();
      since = performance.now();
    }
  }

  #afterChunk(chunk: Chunk, logits: Float32Array, stepMs: number): void {
    const { entry, position, tokens } = chunk;
    const { request, ids, reused } = entry;
    const last = takeScores(chunk, logits);
    entry.length = position + tokens.length;
    if (chunk.logits === "all") entry.scored = entry.length;
    // What runs again after a loss is not news to a text that has begun.
    if (ids.length > request.promptIds.length) return;
    entry.events.replace({ kind: "prefill", done: entry.length, total: request.promptIds.length, reused, stepMs });
    if (entry.length < ids.length) return;
    if (request.maxTokens > 0) this.#sample(entry, [], last);
    else this.#finish(entry, { kind: "end", reason: "length", stop: null });
  }

  #sample(entry: OpenRequest, drafts: readonly number[], logits: Float32Array): void {
    const end = sampleTokens(entry, drafts, logits);
    if (end) this.#finish(entry, end);
  }

  #finish(entry: OpenRequest, event: EndEvent): void {
    this.#end(entry, () => {
      entry.events.push(event);
      entry.events.end();
    });
  }

  /** Ends a request; it leaves the batch at once, or after the step that it is in. */
  #end(entry: OpenRequest, tell: () => void): void {
    if (entry.isOver) return;
    entry.isOver = true;
    tell();
    if (entry.steps === 0) this.#scheduler.leave(entry);
    this.#notify();
  }

  #cancel(entry: OpenRequest): void {
    const end: EndEvent = { kind: "end", reason: "abort", stop: null };
    // Tokens that nobody has asked for yet are not part of the text, even where the loop has come to its end.
    const isCut = entry.events.drop("token");
    if (entry.isOver) {
      if (isCut) entry.events.replace(end);
      return;
    }
    this.#finish(entry, end);
    this.#inFlight.abandon();
  }

  /** Ends everything: the engine has failed. */
  #fail(error: unknown): void {
    this.#failure = { error };
    const { running, waiting } = this.#scheduler;
    for (const entry of [...running, ...waiting]) this.#end(entry, () => entry.events.end({ error }));
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  /** Waits until a consumer has room, or a request comes or goes. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
