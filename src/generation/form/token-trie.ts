/** All tokens of a vocabulary by their bytes, and which of them a state allows. Does not know logits. */
import { ByteTree } from "./byte-tree.js";
import { plainLength, plainRun } from "./plain-run.js";
import type { State, States } from "./states.js";

/** Characters of tokens that a run is looked for, at most. */
const MAX_RUN = 64;

export class TokenTrie {
  /** Bytes of each token, one character a byte; "" for tokens that are no text. */
  readonly texts: readonly string[];
  /** Words of 32 bits in a mask. */
  readonly words: number;
  readonly #all: ByteTree;
  /** Tokens that are not only plain characters, or very long. */
  readonly #others: ByteTree;
  /** A bit for each token of at most n plain characters, by n. */
  readonly #plain: readonly Int32Array[];

  constructor(texts: readonly string[]) {
    this.texts = texts;
    this.words = Math.ceil(texts.length / 32);
    const lengths = texts.map(plainLength);
    const ids = Array.from(texts.keys()).filter((id) => texts[id] !== "");
    const isShort = (id: number) => lengths[id] !== null && lengths[id]! <= MAX_RUN;
    this.#all = new ByteTree(texts, ids);
    this.#others = new ByteTree(
      texts,
      ids.filter((id) => !isShort(id)),
    );
    const longest = ids.reduce((most, id) => (isShort(id) ? Math.max(most, lengths[id]!) : most), 0);
    const plain = Array.from({ length: longest + 1 }, () => new Int32Array(this.words));
    for (const id of ids) if (isShort(id)) plain[lengths[id]!]![id >> 5]! |= 1 << (id & 31);
    for (const [length, bits] of plain.entries()) {
      const shorter = plain[length - 1];
      if (shorter) for (let word = 0; word < bits.length; word++) bits[word]! |= shorter[word]!;
    }
    this.#plain = plain;
  }

  /** A bit for each token that may follow a state as a whole. */
  allowed(states: States, state: State): Int32Array {
    states.renew();
    const run = plainRun(states, state, this.#plain.length - 1);
    if (run === null || run === 0) {
      const bits = new Int32Array(this.words);
      this.#all.mark(states, state, bits);
      return bits;
    }
    const bits = this.#plain[run]!.slice();
    this.#others.mark(states, state, bits);
    return bits;
  }

  /** The state after a token; null if it may not follow. */
  after(states: States, state: State, id: number): State | null {
    const text = this.texts[id];
    if (text === undefined || text === "") return null;
    const { classes } = states.machine;
    let at: State | null = state;
    for (let i = 0; i < text.length && at !== null; i++) at = states.step(at, classes[text.charCodeAt(i)]!);
    return at;
  }
}
