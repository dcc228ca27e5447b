/** Some tokens as one tree of bytes, in the order of a walk. Does not know which tokens they are. */
import type { State, States } from "./states.js";

export class ByteTree {
  /** By node: byte, depth from 1, the first token that ends there (-1: none), and the node after all below it. */
  readonly #byte: Uint8Array;
  readonly #depth: Uint16Array;
  readonly #token: Int32Array;
  readonly #skip: Int32Array;
  /** The next token with the same bytes, by token; -1: none. */
  readonly #same: Int32Array;
  readonly #stack: State[] = [];

  /** `texts`: the bytes of all tokens, one character a byte; `ids`: those of the tree. */
  constructor(texts: readonly string[], ids: readonly number[]) {
    const order = [...ids].sort((a, b) => (texts[a]! < texts[b]! ? -1 : texts[a]! > texts[b]! ? 1 : a - b));
    const most = order.reduce((sum, id) => sum + texts[id]!.length, 0);
    const [byte, depth, skip] = [new Uint8Array(most), new Uint16Array(most), new Int32Array(most)];
    const token = new Int32Array(most).fill(-1);
    this.#same = new Int32Array(texts.length).fill(-1);
    const path: number[] = [];
    let count = 0;
    let before = "";
    let last = -1;
    for (const id of order) {
      const text = texts[id]!;
      if (text === before) this.#same[last] = id;
      else {
        let shared = 0;
        while (shared < before.length && before[shared] === text[shared]) shared++;
        while (path.length > shared) skip[path.pop()!] = count;
        for (let at = shared; at < text.length; at++) {
          byte[count] = text.charCodeAt(at);
          depth[count] = at + 1;
          path.push(count++);
        }
        token[count - 1] = id;
        before = text;
      }
      last = id;
    }
    while (path.length > 0) skip[path.pop()!] = count;
    this.#byte = byte.slice(0, count);
    this.#depth = depth.slice(0, count);
    this.#token = token.slice(0, count);
    this.#skip = skip.slice(0, count);
  }

  /** Sets a bit for each token that may follow a state as a whole. */
  mark(states: States, state: State, bits: Int32Array): void {
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
  }
}
