/**
 * Guesses the next tokens from what the sequence already holds: where its last few tokens stood before, what followed there.
 * Knows ids only; whether a guess is worth computing is decided in speculation.ts.
 */

/** Lengths of the n-grams that are looked up. Shorter ones are mostly chance. */
const SHORTEST = 2;
const LONGEST = 4;
/** A table has at most 2^16 slots, 256 KB; a slot holds the latest n-gram that fell into it. */
const MAX_BITS = 16;
/** Tokens that are compared to tell how long a match is. */
const MAX_MATCH = 32;

/** What may follow, and how many tokens before it agree with the place it was taken from. */
export interface Proposal {
  ids: number[];
  matched: number;
}

/**
 * One sequence and an index of its n-grams, in constant time a token. The tables are direct-mapped as in LZ4
 * (https://github.com/lz4/lz4): what they say is compared with the ids, so a collision only costs a guess.
 */
export class PromptLookup {
  readonly #ids: Int32Array;
  #length = 0;
  /** One table per n-gram length, shortest first: the position behind the latest such n-gram; 0 is none. */
  readonly #tables: Int32Array[] = [];
  /** The slot of the n-gram at the end, by table. */
  readonly #slots: number[] = [];
  /** The high bits of a hash, which are its best, are the slot. */
  readonly #shift: number;
  /** Where the proposal was taken from, and how many tokens before it agree; followed while the sequence agrees. */
  #source = 0;
  #matched = 0;

  /** An empty sequence of at most `capacity` tokens. */
  constructor(capacity: number) {
    this.#ids = new Int32Array(capacity);
    let bits = 8;
    while (1 << bits < 2 * capacity && bits < MAX_BITS) bits++;
    this.#shift = 32 - bits;
    for (let n = SHORTEST; n <= LONGEST; n++) this.#tables.push(new Int32Array(1 << bits));
  }

  /** Adds a token to the end. */
  push(id: number): void {
    const at = this.#length++;
    // An n-gram is entered once it is known what follows, so that the end of the sequence never finds itself.
    for (let i = 0; i < this.#tables.length && at >= i + SHORTEST; i++) this.#tables[i]![this.#slots[i]!] = at;
    this.#ids[at] = id;
    if (this.#matched > 0 && this.#ids[this.#source] === id) {
      this.#source++;
      this.#matched = Math.min(this.#matched + 1, MAX_MATCH);
    } else {
      this.#matched = 0;
    }
    let hash = 0;
    for (let n = 1; n <= Math.min(LONGEST, this.#length); n++) {
      hash = Math.imul(hash ^ (hash >>> 15) ^ this.#ids[this.#length - n]!, 0x9e3779b1);
      if (n >= SHORTEST) this.#slots[n - SHORTEST] = hash >>> this.#shift;
    }
  }

  /** The `count` tokens that followed the last tokens before; a repetition at the very end is carried on. */
  propose(count: number): Proposal | null {
    this.#search();
    if (this.#matched === 0 || count <= 0) return null;
    const period = this.#length - this.#source;
    const ids: number[] = [];
    for (let i = 0; i < count; i++) ids.push(this.#ids[this.#source + (i % period)]!);
    return { ids, matched: this.#matched };
  }

  /** Looks for the longest n-gram; a match that is being followed stays unless the found one is as long. */
  #search(): void {
    for (let i = this.#tables.length - 1; i >= 0; i--) {
      if (this.#length < i + SHORTEST) continue;
      const source = this.#tables[i]![this.#slots[i]!]!;
      const matched = source === 0 ? 0 : this.#agreement(source);
      if (matched < i + SHORTEST) continue;
      if (matched >= this.#matched) {
        this.#source = source;
        this.#matched = matched;
      }
      return;
    }
  }

  /** How many tokens before `source` are the same as those at the end. */
  #agreement(source: number): number {
    let count = 0;
    const most = Math.min(source, MAX_MATCH);
    while (count < most && this.#ids[source - 1 - count] === this.#ids[this.#length - 1 - count]) count++;
    return count;
  }
}
