/** Runs one rank's attention over the KV caches of its sequences; one session serves all layers. Does not know weights. */
import { buildAttention } from "../../model/architecture/attention.js";
import { isCacheHalf } from "../../model/architecture/compute-type.js";
import type { RankSetup, SequenceSpan } from "../shared/messages.js";
import { createSession, integers, type Numbers, type Session, type Tensor, tensor } from "../stages/onnx-session.js";
import type { SequenceCaches } from "./sequence-caches.js";

/** Maximum size of one run's score matrix [heads, queries, keys], in numbers: 128 MB. */
const MAX_SCORES = 1 << 25;

export class Attention {
  readonly #session: Session;
  readonly #caches: SequenceCaches;
  readonly #qHeads: number;
  readonly #headDim: number;

  private constructor({ share, checkpoint }: RankSetup, caches: SequenceCaches, session: Session) {
    this.#session = session;
    this.#caches = caches;
    this.#qHeads = share.qHeads.end - share.qHeads.start;
    this.#headDim = checkpoint.config.headDim;
  }

  static async create(setup: RankSetup, caches: SequenceCaches): Promise<Attention> {
    const { checkpoint, share, dtype, threads } = setup;
    const model = buildAttention(checkpoint.config, share, isCacheHalf(dtype));
    return new Attention(setup, caches, await createSession(model, { threads }));
  }

  /**
   * Appends the new keys and values to each sequence's KV cache, then attends over it.
   * q [tokens, q heads * headDim], k and v [tokens, kv heads * headDim], in the order of the spans. Returns a matrix shaped like q.
   */
  async run(
    layer: number,
    spans: readonly SequenceSpan[],
    q: Float32Array,
    k: Numbers,
    v: Numbers,
  ): Promise<Float32Array> {
    const { widths } = this.#caches;
    const kvWidth = widths.reduce((a, b) => a + b);
    const qWidth = this.#qHeads * this.#headDim;
    const attended = new Float32Array(q.length);
    let row = 0;
    for (const { sequence, position, count } of spans) {
      const cache = this.#caches.of(sequence);
      const rows = (from: Numbers) => from.subarray(row * kvWidth, (row + count) * kvWidth);
      cache.append(layer, position, rows(k), rows(v));
      // Queries run in blocks so that the score matrix stays small at any length; each block attends only to its prefix.
      const block = Math.max(1, Math.floor(MAX_SCORES / (this.#qHeads * (position + count))));
      for (let done = 0; done < count; done += block) {
        const queries = Math.min(block, count - done);
        const length = position + done + queries;
        const start = (row + done) * qWidth;
        const feeds: Record<string, Tensor> = {
          q: tensor(q.subarray(start, start + queries * qWidth), [1, queries, qWidth]),
          length: integers([length], [1]),
        };
        for (const [group, width] of widths.entries()) {
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

  close(): Promise<void> {
    return this.#session.release();
  }
}
