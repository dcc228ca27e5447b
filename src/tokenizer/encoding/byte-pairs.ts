/** Encodes byte strings by byte pairs and their ranks, as tiktoken does. Does not know text or special tokens. */
import { pop, push } from "./min-heap.js";

/** Above any position in a piece; rank * STEP + position is exact in a double. */
const STEP = 2 ** 21;

export class BytePairEncoder {
  readonly #ranks: Map<string, number>;
  readonly #longest: number;

  /** `tokens` by rank, one character a byte; every single byte must be a token. */
  constructor(tokens: readonly string[]) {
    this.#ranks = new Map(tokens.map((token, rank) => [token, rank]));
    this.#longest = tokens.reduce((longest, { length }) => Math.max(longest, length), 0);
  }

  /** Appends the tokens of a piece: one if the piece is a token, otherwise those that remain after merging the pair of lowest rank (the leftmost of equals) until no pair is a token. */
  encode(piece: string, ids: number[]): void {
    const whole = this.#ranks.get(piece);
    if (whole !== undefined) ids.push(whole);
    else this.#merge(piece, ids);
  }

  /** Uses a linked list of parts and a heap of pairs, so that a piece of n bytes needs n log n steps. */
  #merge(piece: string, ids: number[]): void {
    const length = piece.length;
    // Indexed by a part's first byte: where its neighbours begin, and the rank of the pair it makes with the right one.
    const next = Int32Array.from({ length }, (_, at) => at + 1);
    const previous = Int32Array.from({ length }, (_, at) => at - 1);
    const pairRank = new Int32Array(length);
    const heap: number[] = [];
    const rate = (at: number): void => {
      const right = next[at]!;
      const end = right < length ? next[right]! : length + this.#longest;
      const rank = end - at > this.#longest ? undefined : this.#ranks.get(piece.slice(at, end));
      pairRank[at] = rank ?? -1;
      if (rank !== undefined) push(heap, rank * STEP + at);
    };
    for (let at = 0; at < length - 1; at++) rate(at);
    pairRank[length - 1] = -1;

    while (heap.length > 0) {
      const pair = pop(heap);
      const at = pair % STEP;
      // The heap may still have pairs that no longer exist.
      if (pairRank[at] !== Math.floor(pair / STEP)) continue;
      const right = next[at]!;
      const after = next[right]!;
      next[at] = after;
      pairRank[right] = -1;
      if (after < length) previous[after] = at;
      rate(at);
      if (previous[at]! >= 0) rate(previous[at]!);
    }
    for (let at = 0; at < length; at = next[at]!) ids.push(this.#ranks.get(piece.slice(at, next[at]))!);
  }
}
