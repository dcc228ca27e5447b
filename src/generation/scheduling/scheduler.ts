/**
 * Which requests are in the flat batch, and what each of them runs in the next step: they join and leave between steps, prompts
 * run in chunks beside decoding, and a prefix that prompts share is computed once. Knows ids and positions; not logits.
 */
import type { SequenceTokens } from "../../engine/engine.js";
import { STEP_TOKENS } from "../../engine/host/engine-options.js";
import { RowDrafts } from "../speculation/speculation.js";
import { hasPrompt, nextChunk, type OpenRequest, promptEnd } from "./open-request.js";
import { commonLength, MIN_SHARED, PrefixPool } from "./prefix-pool.js";
import type { Forward, GenerationRequest } from "./request.js";
import { type LoopLimits, pagedPositions } from "./request-limits.js";
import type { StepPace } from "./step-pace.js";

/** Prompt tokens of a step at least, however many requests decode in it. */
const MIN_CHUNK = 64;
/** Tokens of a step at most after which logits are wanted, of all prompts together: bounds the logits in memory. */
const MAX_SCORED = 128;

/** The next tokens of a request's prompt. */
export interface Chunk extends SequenceTokens {
  entry: OpenRequest;
}

export class Scheduler {
  readonly waiting: OpenRequest[] = [];
  readonly running: OpenRequest[] = [];
  readonly pool: PrefixPool;
  readonly #engine: Forward;
  readonly #limits: LoopLimits;
  readonly #pace: StepPace;
  /** Steps that run at once. */
  readonly #depth: number;
  #turn = 0;
  /** Waiting requests when their positions were last reported. */
  #toldWaiting = 0;

  constructor(engine: Forward, limits: LoopLimits, pace: StepPace) {
    this.#engine = engine;
    this.#limits = limits;
    this.#pace = pace;
    this.#depth = engine.depth ?? 1;
    this.pool = new PrefixPool(engine);
  }

  /** Puts a request in the queue: the n-th request of its client comes before the later ones of other clients. Returns its place. */
  enqueue(entry: OpenRequest): number {
    const counts = new Map<string, number>();
    const { client = "" } = entry.request;
    const own = this.waiting.filter(({ request }) => (request.client ?? "") === client).length;
    const place = this.waiting.findIndex(({ request }) => {
      const turn = counts.get(request.client ?? "") ?? 0;
      counts.set(request.client ?? "", turn + 1);
      return turn > own;
    });
    const position = place < 0 ? this.waiting.length : place;
    this.waiting.splice(position, 0, entry);
    return position;
  }

  /** Lets requests join in their order while there is room; ended ones give their memory back where it is needed. */
  admit(): void {
    for (let next = this.waiting[0]; next; next = this.waiting[0]) {
      const room = this.#limits.maxPositions - this.used;
      if (this.running.length >= this.#limits.maxRequests || this.#paged(next.positions) > room) break;
      this.waiting.shift();
      this.#inherit(next, room);
      this.running.push(next);
    }
    this.pool.shrink(Math.min(this.#limits.maxKept, this.#limits.maxPositions - this.used));
  }

  /** Each waiting request hears how many are before it, where that has changed. */
  tellPositions(): void {
    if (this.waiting.length === this.#toldWaiting) return;
    this.#toldWaiting = this.waiting.length;
    for (const [position, { events }] of this.waiting.entries()) events.replace({ kind: "queued", position });
  }

  /**
   * Requests that get a token in the next step: their prompt has run, and their consumer keeps up. Where several steps run at once,
   * each has an equal part of them, first those that have waited longest.
   */
  texts(): OpenRequest[] {
    const texts = this.running.filter((entry) => !hasPrompt(entry));
    const free = texts.filter(({ events, steps }) => !events.isFull && steps === 0);
    if (this.#depth === 1) return free;
    free.sort((a, b) => a.turn - b.turn);
    const part = free.slice(0, Math.ceil(texts.length / this.#depth));
    this.#turn++;
    for (const entry of part) entry.turn = this.#turn;
    return part;
  }

  /** The parts of prompts that run beside `texts` in the next step. */
  chunks(texts: readonly OpenRequest[]): Chunk[] {
    const chunks: Chunk[] = [];
    let room = this.#room(texts);
    let scored = MAX_SCORED;
    for (const entry of this.running) {
      if (room === 0) break;
      const goal = promptEnd(entry);
      if (nextChunk(entry) >= goal) continue;
      entry.sequence ??= this.#begin(entry);
      if (entry.sequence === null) continue;
      const { sequence, ids, request } = entry;
      const { length } = request.promptIds;
      let position = nextChunk(entry);
      const add = (end: number, logits: Chunk["logits"]) => {
        if (end <= position) return;
        const part = { entry, sequence, position, tokens: ids.slice(position, end), logits };
        chunks.push(position < length ? { ...part, promptLength: length } : part);
        room -= end - position;
        if (logits === "all") scored -= end - position;
        position = end;
      };
      // Logits that were given before a stage was lost are not given again.
      const from = ids.length > length ? goal : Math.max(request.score?.from ?? goal, entry.scored);
      const plain = Math.min(goal, from);
      for (const stop of [Math.min(length, plain), plain]) {
        const end = Math.min(stop, position + room);
        add(end, end === ids.length ? "last" : "none");
      }
      if (position >= plain) add(Math.min(goal, position + Math.min(room, scored)), "all");
    }
    return chunks;
  }

  /** After a stage was lost, and all KV caches with it: prompts run again, and after them the texts so far. */
  restart(): void {
    this.pool.lose();
    for (const entry of this.running) Object.assign(entry, { sequence: null, length: 0, sent: 0, reused: 0 });
  }

  /** Takes a request out; its KV cache stays for later ones. */
  leave(entry: OpenRequest): void {
    const list = this.running.includes(entry) ? this.running : this.waiting;
    const at = list.indexOf(entry);
    if (at < 0) return;
    list.splice(at, 1);
    const { sequence, ids, length, request } = entry;
    if (sequence === null) return;
    const { owner = null, isDisposable = false, cacheSalt: salt = "" } = request;
    if (!this.#isShared(request)) this.#engine.release(sequence);
    else {
      const positions = this.#paged(length);
      this.pool.add({ sequence, ids: ids.slice(0, length), positions, owner, isDisposable, salt });
    }
    this.pool.shrink(this.#limits.maxKept);
  }

  /** Prompt tokens that the next step has room for. */
  #room(texts: readonly OpenRequest[]): number {
    const most = Math.max(STEP_TOKENS - texts.length, MIN_CHUNK);
    const isStaged = this.#depth > 1;
    // In other stages there may be those who watch.
    const others = isStaged ? this.running.filter((entry) => !hasPrompt(entry)) : texts;
    const paced = others.some(({ request }) => request.isWatched) ? this.#pace.chunk(texts.length, most) : most;
    if (!isStaged) return paced;
    // Smaller steps keep all stages at work with what is left of the prompts: the first reaches the last stage sooner.
    const left = this.running.reduce((sum, entry) => sum + promptEnd(entry) - nextChunk(entry), 0);
    return Math.min(paced, Math.max(MIN_CHUNK, Math.ceil(left / 2 / this.#depth)));
  }

  /** Positions that running requests may need. */
  get used(): number {
    return this.running.reduce((sum, { positions }) => sum + this.#paged(positions), 0);
  }

  #paged(positions: number): number {
    return pagedPositions(positions, this.#limits);
  }

  get #sharedLength(): number {
    return this.#limits.sharedLength ?? Number.POSITIVE_INFINITY;
  }

  /** Whether the KV cache of a request may come from others, and go to them. */
  #isShared({ cachePrompt = true, promptIds }: GenerationRequest): boolean {
    return cachePrompt && promptIds.length <= this.#sharedLength;
  }

  /**
   * A request that joins continues in the KV cache of one that has ended, if that begins the same; unless a running one will soon
   * have more of it.
   */
  #inherit(entry: OpenRequest, room: number): void {
    if (entry.request.lookup) entry.drafts = new RowDrafts(entry.ids, entry.positions);
    const promised = entry.request.owner ? 0 : this.#inBatch(entry).promised;
    this.#take(entry, room, promised - MIN_SHARED + 1);
  }

  /** Continues in the KV cache of a request that has ended if that holds at least `least` tokens of the prompt. */
  #take(entry: OpenRequest, room: number, least: number): void {
    if (!this.#isShared(entry.request)) return;
    const { promptIds, owner = null, cacheSalt } = entry.request;
    const found = this.pool.take(
      promptIds,
      sharable(entry.request),
      owner,
      this.#paged(entry.positions),
      room,
      cacheSalt,
      least,
    );
    if (found) this.#reuse(entry, found.sequence, found.length);
  }

  /** The sequence of a request whose turn has come; null while one before it computes more of their common prefix. */
  #begin(entry: OpenRequest): number | null {
    const { donor, ready, promised } = this.#inBatch(entry);
    if (promised - ready >= MIN_SHARED) return null;
    // Those before it may have ended since it joined: the KV cache of a prompt that is only scored then holds its prefix.
    const room = this.#limits.maxPositions - this.used + this.#paged(entry.positions);
    this.#take(entry, room, ready + MIN_SHARED);
    if (entry.sequence !== null) return entry.sequence;
    if (donor === null || ready < MIN_SHARED) return this.#engine.newSequence();
    this.#reuse(entry, this.#engine.fork(donor.sequence!, ready), ready);
    return entry.sequence;
  }

  /** What requests before it in the batch have of its prefix: `ready` now, in the sequence of `donor`, and `promised` once their prompts have run. */
  #inBatch(entry: OpenRequest): { donor: OpenRequest | null; ready: number; promised: number } {
    const found = { donor: null as OpenRequest | null, ready: 0, promised: 0 };
    for (const other of this.#isShared(entry.request) ? this.running : []) {
      if (other === entry) break;
      if (other.request.promptIds.length > this.#sharedLength) continue;
      if ((other.request.cacheSalt ?? "") !== (entry.request.cacheSalt ?? "")) continue;
      const shared = sharedLength(other.ids, entry.request);
      found.promised = Math.max(found.promised, Math.min(shared, other.request.promptIds.length));
      if (other.sequence === null || Math.min(shared, other.length) <= found.ready) continue;
      found.donor = other;
      found.ready = Math.min(shared, other.length);
    }
    return found;
  }

  #reuse(entry: OpenRequest, sequence: number, length: number): void {
    entry.sequence = sequence;
    entry.length = length;
    entry.sent = length;
    entry.reused = length;
    if (entry.request.stats) entry.request.stats.reusedTokens += length;
  }
}

/** Prompt tokens that may come from another KV cache: those whose logits are wanted always run, and the last one. */
function sharable({ promptIds, score }: GenerationRequest): number {
  return Math.min(promptIds.length - 1, score?.from ?? promptIds.length);
}

function sharedLength(ids: readonly number[], request: GenerationRequest): number {
  return commonLength(ids, request.promptIds, sharable(request));
}
