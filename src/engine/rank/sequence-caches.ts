/** The caches of one rank's sequences, by number. Knows how they are shaped; not what attends over them. */
import { cacheGroups } from "../../model/architecture/attention.js";
import { isCacheHalf } from "../../model/architecture/compute-type.js";
import type { RankSetup } from "../shared/messages.js";
import { KvCache } from "./kv-cache.js";

export class SequenceCaches {
  /** Numbers of a token's keys in each group of heads, and of its values. */
  readonly widths: readonly number[];
  readonly #setup: RankSetup;
  readonly #caches = new Map<number, KvCache>();

  constructor(setup: RankSetup) {
    const { checkpoint, share, dtype } = setup;
    const { config } = checkpoint;
    this.#setup = setup;
    this.widths = cacheGroups(config, share, isCacheHalf(dtype)).map((heads) => heads * config.headDim);
  }

  /** The cache of a sequence, which is empty at first. */
  of(sequence: number): KvCache {
    let cache = this.#caches.get(sequence);
    if (!cache) {
      const { checkpoint, dtype, maxSeqLen } = this.#setup;
      cache = new KvCache(checkpoint.config.nLayers, this.widths, isCacheHalf(dtype), maxSeqLen);
      this.#caches.set(sequence, cache);
    }
    return cache;
  }

  /** Forgets a sequence. */
  release(sequence: number): void {
    this.#caches.delete(sequence);
  }
}
