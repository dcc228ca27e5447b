/** All tokens of a vocabulary as one tree of bytes, and the walk that finds those a state allows. Does not know logits. */
import type { State, States } from "./states.js";

export class TokenTrie {
  /** Bytes of each token, one character a byte; "" for tokens that are no text. */
  readonly texts: readonly string[];
  /** Words of 32 bits in a mask. */
  readonly words: number;
  /** Nodes in the order of a walk: byte, depth from 1, the first token that ends there (-1: none), and the node after all below it. */
  readonly #byte: Uint8Array;
  readonly #depth: Uint16Array;
  readonly #token: Int32Array;
  readonly #skip: Int32Array;
  /** The next token with the same bytes, by token; -1: none. */
  readonly #same: Int32Array;
  readonly #stack: State[] = [];

  constructor(texts: readonly string[]) {
    this.texts = texts;
    this.words = Math.ceil(texts.length / 32);
    const most = texts.reduce((sum, { length }) => sum + length, 0);
    this.#byte = new Uint8Array(most);
    this.#depth = new Uint16Array(most);
    this.#token = new Int32Array(most).fill(-1);
    this.#skip = new Int32Array(most);
    this.#same = new Int32Array(texts.length).fill(-1);
    const order = Array.from(texts.keys()).filter((id) => texts[id] !== "");
    order.sort((a, b) => (texts[a]! < texts[b]! ? -1 : texts[a]! > texts[b]! ? 1 : a - b));
    let count = 0;
    const path: number[] = [];
    let before = "";
    let last = -1;
    for (const id of order) {
      const text = texts[id]!;
      if (text === before) this.#same[last] = id;
      else {
        let shared = 0;
        while (shared < before.length && before[shared] === text[shared]) shared++;
        while (path.length > shared) this.#skip[path.pop()!] = count;
        for (let at = shared; at < text.length; at++) {
          this.#byte[count] = text.charCodeAt(at);
          this.#depth[count] = at + 1;
          path.push(count++);
        }
        this.#token[count - 1] = id;
        before = text;
      }
      last = id;
    }
    while (path.length > 0) this.#skip[path.pop()!] = count;
    this.#byte = this.#byte.slice(0, count);
    this.#depth = this.#depth.slice(0, count);
    this.#token = this.#token.slice(0, count);
    this.#skip = this.#skip.slice(0, count);
  }

  /** A bit for each token that may follow a state as a whole. */
  allowed(states: States, state: State): Int32Array {
    states.renew();
    const bits = new Int32Array(this.words);
    const { classes } = states.machine;
    const [byte, depth, token, skip, same] = [this.#byte, this.#depth, this.#token, this.#skip, this.#same];
    const stack = this.#stack;
    stack[0] = state;
    for (let at = 0; at < byte.length; ) {
      const from = stack[depth[at]! - 1]!;
      const group = classes[byte[at]!]!;
      const known = from.next[group];
      const to = known === undefined ? states.step(from, group) : known;
      if (to === null) {
        at = skip[at]!;
        continue;
      }
      stack[depth[at]!] = to;
      for (let id = token[at]!; id >= 0; id = same[id]!) bits[id >> 5]! |= 1 << (id & 31);
      at++;
    }
    stack.length = 0;
    return bits;
  }

  /** The state after a token; null if it may not follow. */
  after(states: States, state: State, id: number): State | null {
    const text = this.texts[id];
    if (text === undefined || text === "") return null;
    let at: State | null = state;
    for (let i = 0; i < text.length && at !== null; i++)
      at = states.step(at, states.machine.classes[text.charCodeAt(i)]!);
    return at;
  }
}
