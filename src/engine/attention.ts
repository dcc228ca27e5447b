/** Attention of one rank: the caches of its sequences and the one session that serves all layers. Knows positions, not weights. */
import { buildAttention, cacheGroups } from "../model/attention-graph.js";
import { isCacheHalf } from "../model/compute-type.js";
import { KvCache } from "./kv-cache.js";
import type { RankSetup, SequenceSpan } from "./protocol.js";
import { createSession, integers, type Numbers, type Session, type Tensor, tensor } from "./session.js";

/** Numbers of one run's score matrix [heads, queries, keys] at most: 128 MB. */
const MAX_SCORES = 1 << 25;

export class Attention {
  readonly #session: Session;
  readonly #setup: RankSetup;
  readonly #half: boolean;
  readonly #caches = new Map<number, KvCache>();
  readonly #qHeads: number;
  /** Width of the cache in each group of heads. */
  readonly #widths: readonly number[];

  private constructor(setup: RankSetup, session: Session, half: boolean) {
    const { share, checkpoint } = setup;
    this.#setup = setup;
    this.#session = session;
    this.#half = half;
    this.#qHeads = share.qHeads.end - share.qHeads.start;
    this.#widths = cacheGroups(checkpoint.config, share, half).map((heads) => heads * checkpoint.config.headDim);
  }

  static async create(setup: RankSetup): Promise<Attention> {
    const half = isCacheHalf(setup.dtype);
    const model = buildAttention(setup.checkpoint.config, setup.share, half);
    return new Attention(setup, await createSession(model, { threads: setup.threads }), half);
  }

  /**
   * Appends the new keys and values to each sequence's cache and attends over it.
   * q [tokens, q heads * headDim], k and v [tokens, kv heads * headDim], in the order of the spans; returns the shape of q.
   */
  async run(layer: number, spans: readonly SequenceSpan[], q: Float32Array, k: Numbers, v: Numbers) {
    const { checkpoint } = this.#setup;
    const kvWidth = this.#widths.reduce((a, b) => a + b);
    const qWidth = this.#qHeads * checkpoint.config.headDim;
    const attended = new Float32Array(q.length);
    let row = 0;
    for (const { sequence, position, count } of spans) {
      const cache = this.#cache(sequence);
      const rows = (from: Numbers) => from.subarray(row * kvWidth, (row + count) * kvWidth);
      cache.append(layer, position, rows(k), rows(v));
      // Queries go in blocks so that the score matrix stays small at any length; each block sees just its prefix.
      const block = Math.max(1, Math.floor(MAX_SCORES / (this.#qHeads * (position + count))));
      for (let done = 0; done < count; done += block) {
        const queries = Math.min(block, count - done);
        const length = position + done + queries;
        const start = (row + done) * qWidth;
        const feeds: Record<string, Tensor> = {
          q: tensor(q.subarray(start, start + queries * qWidth), [1, queries, qWidth]),
          length: integers([length], [1]),
        };
        for (const [group, width] of this.#widths.entries()) {
          feeds[`k${group}`] = tensor(cache.keys(layer, group, length), [1, length, width]);
          feeds[`v${group}`] = tensor(cache.values(layer, group, length), [1, length, width]);
        }
        const result = await this.#session.run(feeds);
        attended.set(result.attended!, start);
      }
      row += count;
    }
    return attended;
  }

  /** Bounds the growth of a sequence's cache. */
  reserve(sequence: number, positions: number): void {
    this.#cache(sequence).limit = positions;
  }

  /** Copies the first `length` positions of a sequence into another, which has been reserved and holds nothing yet. */
  fork(source: number, sequence: number, length: number): void {
    this.#cache(sequence).copyFrom(this.#cache(source), length);
  }

  /** Keys and values of the first `length` positions of a layer. */
  save(sequence: number, layer: number, length: number): Uint8Array {
    return this.#cache(sequence).save(layer, length);
  }

  /** Fills the first `length` positions of a layer with what save() gave. */
  restore(sequence: number, layer: number, length: number, bytes: Uint8Array): void {
    this.#cache(sequence).restore(layer, length, bytes);
  }

  /** Forgets a sequence. */
  release(sequence: number): void {
    this.#caches.delete(sequence);
  }

  close(): Promise<void> {
    return this.#session.release();
  }

  #cache(sequence: number): KvCache {
    let cache = this.#caches.get(sequence);
    if (!cache) {
      const { checkpoint, maxSeqLen } = this.#setup;
      cache = new KvCache(checkpoint.config.nLayers, this.#widths, this.#half, maxSeqLen);
      this.#caches.set(sequence, cache);
    }
    return cache;
  }
}
