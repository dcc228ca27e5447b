/** Runs one rank's attention over the KV caches of its sequences; its sessions serve all layers. Does not know weights. */
import { buildAttention } from "../../model/architecture/attention.js";
import { isCacheHalf } from "../../model/architecture/compute-type.js";
import type { RankSetup, SequenceSpan } from "../shared/messages.js";
import { createSession, integers, type Numbers, type Session, type Tensor, tensor } from "../stages/onnx-session.js";
import type { SequenceCaches } from "./sequence-caches.js";
import { windowMask } from "./window-mask.js";

/** Maximum size of one run's score matrix [heads, queries, keys], in numbers: 128 MB. */
const MAX_SCORES = 1 << 25;

export class Attention {
  readonly #causal: Session;
  /** For queries that attend to different first keys; null if no layer has a window shorter than the context. */
  readonly #masked: Session | null;
  readonly #windows: readonly (number | null)[];
  readonly #caches: SequenceCaches;
  readonly #qHeads: number;
  readonly #headDim: number;
  /** The last mask, which the next layer needs too, and what it was made for. */
  #mask: { about: string; mask: Tensor } | null = null;

  private constructor(setup: RankSetup, caches: SequenceCaches, causal: Session, masked: Session | null) {
    const { share, checkpoint } = setup;
    this.#causal = causal;
    this.#masked = masked;
    this.#windows = checkpoint.config.windows;
    this.#caches = caches;
    this.#qHeads = share.qHeads.end - share.qHeads.start;
    this.#headDim = checkpoint.config.headDim;
  }

  static async create(setup: RankSetup, caches: SequenceCaches): Promise<Attention> {
    const { checkpoint, share, dtype, threads, maxSeqLen } = setup;
    const { config } = checkpoint;
    const open = (kind: "causal" | "masked") =>
      createSession(buildAttention(config, share, isCacheHalf(dtype), kind), { threads });
    const isLimited = config.windows.some((window) => window !== null && window < maxSeqLen);
    return new Attention(setup, caches, await open("causal"), isLimited ? await open("masked") : null);
  }

  /**
   * Appends the new keys and values to each sequence's KV cache, then attends over it, or over the window of the layer.
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
    const window = this.#windows[layer] ?? Number.POSITIVE_INFINITY;
    const attended = new Float32Array(q.length);
    let row = 0;
    for (const { sequence, position, count } of spans) {
      const cache = this.#caches.of(sequence);
      const rows = (from: Numbers) => from.subarray(row * kvWidth, (row + count) * kvWidth);
      cache.append(layer, position, rows(k), rows(v));
      // Queries run in blocks so that the score matrix stays small at any length; each block attends only to its own keys.
      const mostKeys = count + Math.min(position, window - 1);
      const block = Math.max(1, Math.floor(MAX_SCORES / (this.#qHeads * mostKeys)));
      for (let done = 0; done < count; done += block) {
        const queries = Math.min(block, count - done);
        const end = position + done + queries;
        // The keys of all queries: the first query's window begins first.
        const first = Math.max(0, end - queries + 1 - window);
        const start = (row + done) * qWidth;
        const feeds: Record<string, Tensor> = {
          q: tensor(q.subarray(start, start + queries * qWidth), [1, queries, qWidth]),
        };
        for (const [group, width] of widths.entries()) {
          feeds[`k${group}`] = tensor(cache.keys(layer, group, end, first), [1, end - first, width]);
          feeds[`v${group}`] = tensor(cache.values(layer, group, end, first), [1, end - first, width]);
        }
        const isMasked = end - window > first;
        if (isMasked) feeds.mask = this.#maskOf(queries, end - first, window);
        else feeds.length = integers([end - first], [1]);
        const result = await (isMasked ? this.#masked! : this.#causal).run(feeds);
        attended.set(result.attended!, start);
      }
      row += count;
    }
    return attended;
  }

  async close(): Promise<void> {
    await this.#causal.release();
    await this.#masked?.release();
  }

  #maskOf(queries: number, keys: number, window: number): Tensor {
    const about = `${queries} ${keys} ${window}`;
    if (this.#mask?.about !== about) {
      this.#mask = { about, mask: tensor(windowMask(queries, keys, window), [queries, keys]) };
    }
    return this.#mask.mask;
  }
}
