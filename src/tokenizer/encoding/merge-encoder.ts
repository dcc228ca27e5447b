/** Encodes words by a list of merges, as the BPE model of Hugging Face's tokenizers library does. Does not know how a text is divided into words. */
import type { BytePairModel } from "../../formats/tokenizer/tokenizer-json.js";
import { pop, push } from "./min-heap.js";

/** Above any position in a word; rank * STEP + position is exact in a double. */
const STEP = 2 ** 23;
/** Above any id: left * SIDE + right identifies a pair. */
const SIDE = 2 ** 20;

export class MergeEncoder {
  readonly #model: BytePairModel;
  readonly #unknown: number | undefined;
  /** Ranks of the pairs of ids that become one token. */
  readonly #ranks = new Map<number, number>();
  readonly #merges: Int32Array;
  /** Ids of the tokens of single bytes; null without byte fallback. */
  readonly #bytes: readonly (number | undefined)[] | null;

  /** `merges`: as `readMerges` returns them; `unknown`: the id of the model's unknown token. */
  constructor(model: BytePairModel, merges: Int32Array, unknown: number | undefined) {
    const { vocab, byteFallback } = model;
    this.#model = model;
    this.#unknown = unknown;
    this.#merges = merges;
    for (let at = 0; at < merges.length; at += 3) this.#ranks.set(merges[at]! * SIDE + merges[at + 1]!, at / 3);
    const name = (byte: number) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
    this.#bytes = byteFallback ? Array.from({ length: 256 }, (_, byte) => vocab.get(name(byte))) : null;
  }

  /** Appends the ids of a word. */
  encode(word: string, ids: number[]): void {
    if (word === "") return;
    const whole = this.#model.ignoresMerges ? this.#model.vocab.get(word) : undefined;
    if (whole !== undefined) {
      ids.push(whole);
      return;
    }
    const parts = this.#characters(word);
    if (parts.length > 1) this.#merge(parts);
    for (const id of parts) if (id >= 0) ids.push(id);
  }

  /** The ids of the characters: tokens, bytes, or the unknown token. */
  #characters(word: string): number[] {
    const { vocab, fusesUnknown } = this.#model;
    const ids: number[] = [];
    let unknowns = 0;
    const addUnknowns = () => {
      for (; unknowns > 0; unknowns--) ids.push(this.#unknown!);
    };
    for (const character of word) {
      const id = vocab.get(character);
      if (id !== undefined) {
        addUnknowns();
        ids.push(id);
        continue;
      }
      const bytes = this.#bytes === null ? [] : [...Buffer.from(character)].map((byte) => this.#bytes![byte]);
      // As in the library, unknown text that waits comes after bytes.
      if (bytes.length > 0 && !bytes.includes(undefined)) ids.push(...(bytes as number[]));
      else if (this.#unknown !== undefined) unknowns = fusesUnknown ? 1 : unknowns + 1;
    }
    addUnknowns();
    return ids;
  }

  /** The id that a merge gives. */
  #result(rank: number): number {
    return this.#merges[3 * rank + 2]!;
  }

  /** Merges the pair of lowest rank (the leftmost of equals) until no pair has one. A part that became part of another is -1. */
  #merge(parts: number[]): void {
    const { length } = parts;
    const next = Int32Array.from({ length }, (_, at) => at + 1);
    const previous = Int32Array.from({ length }, (_, at) => at - 1);
    const heap: number[] = [];
    const rankAt = (at: number): number | undefined => {
      const right = next[at]!;
      return right < length ? this.#ranks.get(parts[at]! * SIDE + parts[right]!) : undefined;
    };
    const add = (at: number): void => {
      const rank = rankAt(at);
      if (rank !== undefined) push(heap, rank * STEP + at);
    };
    for (let at = 0; at < length - 1; at++) add(at);
    while (heap.length > 0) {
      const pair = pop(heap);
      const at = pair % STEP;
      if (parts[at]! < 0) continue;
      const merged = this.#result(Math.floor(pair / STEP));
      const rank = rankAt(at);
      // The pair may have changed; the library then still merges it if the token would be the same.
      if (rank === undefined || this.#result(rank) !== merged) continue;
      const right = next[at]!;
      parts[at] = merged;
      parts[right] = -1;
      next[at] = next[right]!;
      if (next[at]! < length) previous[next[at]!] = at;
      if (previous[at]! >= 0) add(previous[at]!);
      add(at);
    }
  }
}
