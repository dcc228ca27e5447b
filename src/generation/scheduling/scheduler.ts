/**
 * Which sequences are in the flat batch, and what each of them runs in the next step: rows join and leave between steps,
 * prompts run in chunks beside texts, and a beginning that prompts share is computed once. Knows ids and positions; not logits.
 */
import type { SequenceTokens } from "../../engine/engine.js";
import { STEP_TOKENS } from "../../model/sizes/memory-need.js";
import { RowDrafts } from "../speculation/speculation.js";
import type { Forward, GenerationRequest, QueuedRequest, RunningRequest } from "./request.js";
import type { RequestQueue } from "./request-queue.js";

/** A shorter common beginning is not worth a copy, or waiting for. */
const MIN_SHARED = 8;
/** Prompt tokens of a step at least, however many texts it carries on. */
const MIN_CHUNK = 64;
/** Tokens of a step at most after which logits are wanted, of all rows together: bounds the logits in memory. */
const MAX_SCORED = 128;

export interface ScheduleLimits {
  /** Rows at once at most; all that wait when absent. */
  maxRows?: number;
  /** Tokens at most that all caches together have memory for; a row that needs more by itself runs alone. */
  maxPositions?: number;
}

/** What is left of a row that has ended. */
type Parked = Pick<RunningRequest, "ids" | "length" | "positions"> & { sequence: number };

/** The next tokens of a row's prompt. */
export interface Chunk extends SequenceTokens {
  entry: RunningRequest;
}

export class Scheduler {
  readonly live: RunningRequest[] = [];
  /** Prompt tokens taken from another row's cache, over all. */
  reusedTokens = 0;
  readonly #engine: Forward;
  readonly #maxRows: number;
  readonly #maxPositions: number;
  readonly #withDrafts: boolean;
  #parked: Parked[] = [];

  constructor(engine: Forward, { maxRows, maxPositions }: ScheduleLimits, withDrafts: boolean) {
    this.#engine = engine;
    this.#maxRows = maxRows ?? Number.POSITIVE_INFINITY;
    this.#maxPositions = maxPositions ?? Number.POSITIVE_INFINITY;
    this.#withDrafts = withDrafts;
  }

  /** Lets rows join while there is room; returns those that are done at once, since they may get no token. */
  admit(queue: RequestQueue): QueuedRequest[] {
    const done: QueuedRequest[] = [];
    for (let next = queue.first; next; next = queue.first) {
      const { promptIds, maxTokens } = next.spec;
      const positions = promptIds.length + maxTokens;
      const isFull = this.live.length >= this.#maxRows || this.#used() + positions > this.#maxPositions;
      const isDone = maxTokens <= 0 && !next.spec.score;
      if (!isDone && isFull && this.live.length > 0) break;
      queue.take();
      if (isDone) done.push(next);
      else this.live.push(this.#inherit(next, positions));
    }
    // The last sequence stays until another row comes, which may begin like it.
    const kept = this.live.length === 0 ? this.#parked.slice(-1) : [];
    for (const { sequence } of this.#parked) if (sequence !== kept[0]?.sequence) this.#engine.release(sequence);
    this.#parked = kept;
    return done;
  }

  /** Rows whose prompt has run. */
  texts(): RunningRequest[] {
    return this.live.filter((entry) => !hasPrompt(entry));
  }

  /** The parts of prompts that run beside `texts` in the next step. */
  chunks(texts: number): Chunk[] {
    const chunks: Chunk[] = [];
    let room = Math.max(STEP_TOKENS - texts, MIN_CHUNK);
    let scored = MAX_SCORED;
    for (const entry of this.live) {
      if (room === 0) break;
      if (!hasPrompt(entry)) continue;
      entry.sequence ??= this.#begin(entry);
      if (entry.sequence === null) continue;
      const { sequence, ids, spec } = entry;
      let position = entry.length;
      const add = (end: number, logits: Chunk["logits"]) => {
        if (end <= position) return;
        chunks.push({ entry, sequence, position, tokens: ids.slice(position, end), logits });
        room -= end - position;
        if (logits === "all") scored -= end - position;
        position = end;
      };
      const plain = Math.min(ids.length, spec.score?.from ?? ids.length);
      const end = Math.min(plain, position + room);
      add(end, end === ids.length ? "last" : "none");
      if (position >= plain) add(Math.min(ids.length, position + Math.min(room, scored)), "all");
    }
    return chunks;
  }

  /** Takes a row out of the batch. */
  leave(entry: RunningRequest): void {
    this.live.splice(this.live.indexOf(entry), 1);
    const { sequence } = entry;
    if (giveBack(entry)) return;
    if (sequence !== null) this.#parked.push({ ...entry, sequence });
  }

  /** Forgets all sequences. */
  close(): void {
    const own = this.live.filter((entry) => !giveBack(entry));
    for (const { sequence } of [...own, ...this.#parked]) if (sequence !== null) this.#engine.release(sequence);
    this.live.length = 0;
    this.#parked = [];
  }

  #used(): number {
    return this.live.reduce((sum, { positions }) => sum + positions, 0);
  }

  /** A row that joins; it goes on in the cache of one that has left, if that begins the same. */
  #inherit({ row, spec }: QueuedRequest, positions: number): RunningRequest {
    const ids = [...spec.promptIds];
    const drafts = this.#withDrafts ? new RowDrafts(ids, positions) : null;
    const entry: RunningRequest = { row, spec, ids, drafts, positions, sequence: null, length: 0 };
    if (spec.kept) {
      entry.sequence = spec.kept.sequence;
      entry.length = spec.kept.length;
      this.reusedTokens += entry.length;
      return entry;
    }
    let best: Parked | null = null;
    for (const parked of this.#parked) {
      const fits = this.#used() + Math.max(positions, parked.positions) <= this.#maxPositions;
      const shared = Math.min(parked.length, sharedLength(parked, spec));
      if (!fits || shared < MIN_SHARED || shared <= entry.length) continue;
      entry.length = shared;
      best = parked;
    }
    if (!best) return entry;
    this.#parked.splice(this.#parked.indexOf(best), 1);
    entry.sequence = best.sequence;
    entry.positions = Math.max(positions, best.positions);
    this.#engine.reserve(best.sequence, entry.positions);
    this.reusedTokens += entry.length;
    return entry;
  }

  /** The sequence of a row whose turn has come; null while a row before it computes more of their common beginning. */
  #begin(entry: RunningRequest): number | null {
    let donor: RunningRequest | null = null;
    let ready = 0;
    let promised = 0;
    for (const other of this.live) {
      if (other === entry) break;
      const shared = sharedLength(other, entry.spec);
      promised = Math.max(promised, Math.min(shared, other.spec.promptIds.length));
      if (other.sequence === null || Math.min(shared, other.length) <= ready) continue;
      donor = other;
      ready = Math.min(shared, other.length);
    }
    if (promised - ready >= MIN_SHARED) return null;
    if (donor === null || ready < MIN_SHARED) return this.#engine.newSequence(entry.positions);
    entry.length = ready;
    this.reusedTokens += ready;
    return this.#engine.fork(donor.sequence!, ready, entry.positions);
  }
}

/** Tells the owner of a row's sequence what it holds now; false when it has none. */
function giveBack({ spec, length }: RunningRequest): boolean {
  if (spec.kept) spec.kept.length = length;
  return spec.kept !== undefined;
}

function hasPrompt({ length, spec }: RunningRequest): boolean {
  return length < spec.promptIds.length;
}

/** How many tokens a prompt begins with that `ids` begins with too; tokens whose logits are wanted always run, the last one too. */
function sharedLength({ ids }: { ids: readonly number[] }, { promptIds, score }: GenerationRequest): number {
  const most = Math.min(ids.length, promptIds.length - 1, score?.from ?? promptIds.length);
  let length = 0;
  while (length < most && ids[length] === promptIds[length]) length++;
  return length;
}
