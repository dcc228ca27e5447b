/** Holds the KV caches of one rank's sequences, by sequence id. Does not know attention. */
import { cacheGroups } from "../../model/architecture/attention.js";
import { isCacheHalf } from "../../model/architecture/compute-type.js";
import type { RankSetup } from "../shared/messages.js";
import { KvCache } from "./kv-cache.js";

export class SequenceCaches {
  /** Numbers in one token's keys (or values) in each group of heads. */
  readonly widths: readonly number[];
  readonly #setup: RankSetup;
  readonly #caches = new Map<number, KvCache>();

  constructor(setup: RankSetup) {
    const { checkpoint, share, dtype } = setup;
    const { config } = checkpoint;
    this.#setup = setup;
    this.widths = cacheGroups(config, share, isCacheHalf(dtype)).map((heads) => heads * config.headDim);
  }

  /** The KV cache of a sequence; creates an empty one at first use. */
  of(sequence: number): KvCache {
    let cache = this.#caches.get(sequence);
    if (!cache) {
      const { share, dtype, maxSeqLen } = this.#setup;
      cache = new KvCache(share.layers, this.widths, isCacheHalf(dtype), maxSeqLen);
      this.#caches.set(sequence, cache);
    }
    return cache;
  }

  /** Frees the KV cache of a sequence. */
  release(sequence: number): void {
    this.#caches.delete(sequence);
  }
}
