/** Which tokens may follow each state, kept for all forms of a model within a bound of memory. Does not know logits. */
import type { State, States } from "./states.js";
import type { TokenTrie } from "./token-trie.js";

/** Bytes of all masks that are kept. */
const MAX_BYTES = 64 * 2 ** 20;
/** States whose masks are kept, which they hold in memory. */
const MAX_STATES = 16_384;

export class MaskCache {
  readonly trie: TokenTrie;
  #masks = new Map<State, Int32Array>();

  constructor(trie: TokenTrie) {
    this.trie = trie;
  }

  /** A bit for each token that may follow; not to be changed. */
  of(states: States, state: State): Int32Array {
    let mask = this.#masks.get(state);
    if (mask === undefined) {
      mask = this.trie.allowed(states, state);
      const most = Math.min(MAX_STATES, MAX_BYTES / mask.byteLength);
      if (this.#masks.size >= most) this.#masks = new Map();
      this.#masks.set(state, mask);
    }
    return mask;
  }
}
