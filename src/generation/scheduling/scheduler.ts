/**
 * Which requests are in the flat batch, and what each of them runs in the next step: they join and leave between steps, prompts
 * run in chunks beside decoding, and a prefix that prompts share is computed once. Knows ids and positions; not logits.
 */
import type { SequenceTokens } from "../../engine/engine.js";
import { STEP_TOKENS } from "../../engine/host/engine-options.js";
import { RowDrafts } from "../speculation/speculation.js";
import type { EventQueue } from "./event-queue.js";
import { commonLength, MIN_SHARED, PrefixPool } from "./prefix-pool.js";
import type { Forward, GenerationRequest, RequestEvent } from "./request.js";
import { type LoopLimits, pagedPositions } from "./request-limits.js";
import type { StepPace } from "./step-pace.js";

/** Prompt tokens of a step at least, however many requests decode in it. */
const MIN_CHUNK = 64;
/** Tokens of a step at most after which logits are wanted, of all prompts together: bounds the logits in memory. */
const MAX_SCORED = 128;

/** A request from submit() to its end. */
export interface OpenRequest {
  readonly request: GenerationRequest;
  readonly events: EventQueue<RequestEvent>;
  /** Positions its KV cache may grow to. */
  positions: number;
  /** Prompt, then text. */
  readonly ids: number[];
  /** null until its first chunk runs. */
  sequence: number | null;
  /** Tokens of `ids` in the KV cache, which may hold failed drafts after them; the next step overwrites those. */
  length: number;
  /** Prompt tokens that were found in a KV cache. */
  reused: number;
  drafts: RowDrafts | null;
  isOver: boolean;
}

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

  constructor(engine: Forward, limits: LoopLimits, pace: StepPace) {
    this.#engine = engine;
    this.#limits = limits;
    this.#pace = pace;
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

  /** Requests whose prompt has run, and whose consumer keeps up. */
  texts(): OpenRequest[] {
    return this.running.filter((entry) => !hasPrompt(entry) && !entry.events.isFull);
  }

  /** The parts of prompts that run beside `texts` in the next step. */
  chunks(texts: readonly OpenRequest[]): Chunk[] {
    const chunks: Chunk[] = [];
    let room = Math.max(STEP_TOKENS - texts.length, MIN_CHUNK);
    if (texts.some(({ request }) => request.isWatched)) room = this.#pace.chunk(texts.length, room);
    let scored = MAX_SCORED;
    for (const entry of this.running) {
      if (room === 0) break;
      if (!hasPrompt(entry)) continue;
      entry.sequence ??= this.#begin(entry);
      if (entry.sequence === null) continue;
      const { sequence, ids, request } = entry;
      let position = entry.length;
      const add = (end: number, logits: Chunk["logits"]) => {
        if (end <= position) return;
        const promptLength = request.promptIds.length;
        chunks.push({ entry, sequence, position, tokens: ids.slice(position, end), logits, promptLength });
        room -= end - position;
        if (logits === "all") scored -= end - position;
        position = end;
      };
      const plain = Math.min(ids.length, request.score?.from ?? ids.length);
      const end = Math.min(plain, position + room);
      add(end, end === ids.length ? "last" : "none");
      if (position >= plain) add(Math.min(ids.length, position + Math.min(room, scored)), "all");
    }
    return chunks;
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
    entry.reused = length;
    if (entry.request.stats) entry.request.stats.reusedTokens += length;
  }
}

/** Whether a part of the prompt has not run. */
export function hasPrompt({ length, request }: OpenRequest): boolean {
  return length < request.promptIds.length;
}

/** Prompt tokens that may come from another KV cache: those whose logits are wanted always run, and the last one. */
function sharable({ promptIds, score }: GenerationRequest): number {
  return Math.min(promptIds.length - 1, score?.from ?? promptIds.length);
}

function sharedLength(ids: readonly number[], request: GenerationRequest): number {
  return commonLength(ids, request.promptIds, sharable(request));
}
