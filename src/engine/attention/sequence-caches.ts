/** Holds the KV caches of one rank's sequences, by sequence id. Does not know attention. */
import type { RankSetup } from "../shared/messages.js";
import { KvCache } from "./kv-cache.js";
import { pageLayout } from "./page-layout.js";
import { PageStore } from "./page-store.js";

export class SequenceCaches {
  readonly store: PageStore;
  readonly #setup: RankSetup;
  readonly #caches = new Map<number, KvCache>();

  constructor(setup: RankSetup) {
    this.#setup = setup;
    this.store = new PageStore(pageLayout(setup.checkpoint.config, setup.share, setup.kvType));
  }

  /** The KV cache of a sequence; creates an empty one at first use. */
  of(sequence: number): KvCache {
    let cache = this.#caches.get(sequence);
    if (!cache) {
      cache = new KvCache(this.#setup.share.layers, this.store);
      this.#caches.set(sequence, cache);
    }
    return cache;
  }

  /** Frees the KV cache of a sequence. */
  release(sequence: number): void {
    this.#caches.get(sequence)?.trim(0);
    this.#caches.delete(sequence);
  }
}
