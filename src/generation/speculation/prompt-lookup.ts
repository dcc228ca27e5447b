/**
 * Drafts the next tokens of a sequence: finds an earlier occurrence of its last few tokens and copies what followed.
 * Does not know whether a draft is worth verifying; speculation.ts decides that.
 */

/** Lengths of the n-grams to look up. Shorter matches are mostly chance. */
const SHORTEST = 2;
const LONGEST = 4;
/** A table has at most 2^16 slots, 256 KB; a slot holds the latest n-gram with its hash. */
const MAX_BITS = 16;
/** Maximum number of tokens compared to measure the length of a match. */
const MAX_MATCH = 32;

/** Draft tokens, and how many tokens before them match those before the place they were copied from. */
export interface Proposal {
  ids: number[];
  matched: number;
}

/**
 * A sequence and an index of its n-grams, updated in constant time per token. The tables are direct-mapped as in LZ4
 * (https://github.com/lz4/lz4): every entry found is compared with the ids, so a hash collision only loses a draft.
 * The method is prompt lookup decoding (https://github.com/apoorvumang/prompt-lookup-decoding).
 */
export class PromptLookup {
  readonly #ids: Int32Array;
  #length = 0;
  /** One table per n-gram length, shortest first: the position after the latest such n-gram; 0 means empty. */
  readonly #tables: Int32Array[] = [];
  /** The slot of the last n-gram, by table. */
  readonly #slots: number[] = [];
  /** The slot is the high bits of a hash, which are the best mixed. */
  readonly #shift: number;
  /** Where the proposal is copied from, and how many tokens before it match; both advance while new tokens match. */
  #source = 0;
  #matched = 0;

  /** Starts with an empty sequence of at most `capacity` tokens. */
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
    // An n-gram enters its table only with the token after it, so that the end of the sequence never finds itself.
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

  /** The `count` tokens after an earlier occurrence of the last tokens, or null; a repetition at the end is continued. */
  propose(count: number): Proposal | null {
    this.#search();
    if (this.#matched === 0 || count <= 0) return null;
    const period = this.#length - this.#source;
    const ids: number[] = [];
    for (let i = 0; i < count; i++) ids.push(this.#ids[this.#source + (i % period)]!);
    return { ids, matched: this.#matched };
  }

  /** Looks up the longest n-gram; the current match stays unless the one found is at least as long. */
  #search(): void {
    for (let i = this.#tables.length - 1; i >= 0; i--) {
      if (this.#length < i + SHORTEST) continue;
      const source = this.#tables[i]![this.#slots[i]!]!;
      const matched = source === 0 ? 0 : this.#matchLength(source);
      if (matched < i + SHORTEST) continue;
      if (matched >= this.#matched) {
        this.#source = source;
        this.#matched = matched;
      }
      return;
    }
  }

  /** How many tokens before `source` equal those at the end. */
  #matchLength(source: number): number {
    let count = 0;
    const most = Math.min(source, MAX_MATCH);
    while (count < most && this.#ids[source - 1 - count] === this.#ids[this.#length - 1 - count]) count++;
    return count;
  }
}
