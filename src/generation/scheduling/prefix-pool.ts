/**
 * KV caches of requests that have ended, least recently used first: a later request with the same beginning continues in one,
 * or in a copy of it. Knows ids and positions; not the memory of a position.
 */
import type { Forward } from "./request.js";

/** A shorter common prefix is not worth a copy, or waiting for. */
export const MIN_SHARED = 8;
/** KV caches that nobody will continue; more of them would only fill the memory. */
const MAX_DISPOSABLE = 16;

/** A sequence of the engine that no request runs in. */
export interface PooledSequence {
  sequence: number;
  /** The tokens in its KV cache. */
  ids: readonly number[];
  /** Positions it has memory for. */
  positions: number;
  owner: object | null;
  isDisposable: boolean;
  /** Only requests with the same salt may continue it. Default "". */
  salt?: string;
}

/** A sequence for a new request: whose it was, and how many tokens of the prompt are in it. */
export interface Inherited {
  sequence: number;
  length: number;
}

export class PrefixPool {
  readonly #engine: Forward;
  /** Least recently used first. */
  #entries: PooledSequence[] = [];
  /** Sequences that are being read, and by how many. */
  readonly #pinned = new Map<PooledSequence, number>();

  constructor(engine: Forward) {
    this.#engine = engine;
  }

  /** Positions that all its sequences have memory for. */
  get positions(): number {
    return this.#entries.reduce((sum, { positions }) => sum + positions, 0);
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Keeps the sequence of a request that has ended. */
  add(entry: PooledSequence): void {
    if (entry.ids.length === 0) {
      this.#engine.release(entry.sequence);
      return;
    }
    this.#entries.push(entry);
    const disposable = this.#entries.filter((one) => one.isDisposable && !this.#pinned.has(one));
    if (disposable.length > MAX_DISPOSABLE) this.#drop(disposable[0]!);
  }

  /**
   * A sequence that holds the longest prefix of `ids` that the pool has, for a request of `positions`; null when none is worth it.
   * A sequence of the same owner, a disposable one, and one that is a prefix as a whole are taken out of the pool; of others a
   * copy is made, if `room` positions are enough for both. `least`: a shorter prefix is left where it is.
   */
  take(
    ids: readonly number[],
    most: number,
    owner: object | null,
    positions: number,
    room: number,
    salt = "",
    least = MIN_SHARED,
  ): Inherited | null {
    const isOwn = (entry: PooledSequence) => owner !== null && entry.owner === owner;
    let best: PooledSequence | null = null;
    let length = 0;
    for (const entry of this.#entries) {
      if ((entry.salt ?? "") !== salt) continue;
      const shared = commonLength(entry.ids, ids, most);
      if (shared < (isOwn(entry) ? 1 : Math.max(least, MIN_SHARED))) continue;
      if (shared < length || (shared === length && !isOwn(entry))) continue;
      best = entry;
      length = shared;
    }
    if (best === null) return null;
    const isPinned = this.#pinned.has(best);
    const isFree = isOwn(best) || best.isDisposable || length === best.ids.length;
    if ((isPinned || !isFree) && length >= MIN_SHARED && positions + best.positions <= room) {
      // The others make room for the copy.
      this.#touch(best);
      return { sequence: this.#engine.fork(best.sequence, length), length };
    }
    if (isPinned) return null;
    this.#entries.splice(this.#entries.indexOf(best), 1);
    this.#engine.trim(best.sequence, positions);
    return { sequence: best.sequence, length };
  }

  /** Drops sequences, the least recently used first, until their positions are at most `positions`. */
  shrink(positions: number): void {
    for (const entry of [...this.#entries]) {
      if (this.positions <= positions) return;
      if (!this.#pinned.has(entry)) this.#drop(entry);
    }
  }

  /** Runs `work` with the sequence that holds the longest prefix of `ids`, which meanwhile nobody changes. */
  async use<T>(ids: readonly number[], work: (found: Inherited | null) => Promise<T>): Promise<T> {
    let best: PooledSequence | null = null;
    let length = 0;
    for (const entry of this.#entries) {
      const shared = commonLength(entry.ids, ids, ids.length);
      if (shared <= length) continue;
      best = entry;
      length = shared;
    }
    if (best === null) return work(null);
    this.#pinned.set(best, (this.#pinned.get(best) ?? 0) + 1);
    try {
      return await work({ sequence: best.sequence, length });
    } finally {
      const left = this.#pinned.get(best)! - 1;
      if (left > 0) this.#pinned.set(best, left);
      else this.#pinned.delete(best);
    }
  }

  /** Drops what an owner has left. */
  forget(owner: object): void {
    for (const entry of this.#entries.filter((one) => one.owner === owner && !this.#pinned.has(one))) this.#drop(entry);
  }

  /** Drops all that nobody reads. */
  clear(): void {
    for (const entry of [...this.#entries]) if (!this.#pinned.has(entry)) this.#drop(entry);
  }

  /** Forgets all: the engine has lost them. */
  lose(): void {
    this.#entries = [];
  }

  #touch(entry: PooledSequence): void {
    this.#entries.splice(this.#entries.indexOf(entry), 1);
    this.#entries.push(entry);
  }

  #drop(entry: PooledSequence): void {
    this.#entries.splice(this.#entries.indexOf(entry), 1);
    this.#engine.release(entry.sequence);
  }
}

/** Number of ids that both begin with, `most` at most. */
export function commonLength(a: readonly number[], b: readonly number[], most: number): number {
  const end = Math.min(a.length, b.length, most);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}
