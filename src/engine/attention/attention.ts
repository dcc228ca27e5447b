/** Runs one rank's attention over the KV caches of its sequences: few rows by the kernel, prompts by the operator. Does not know weights. */
import type { RankSetup, SequenceSpan } from "../shared/messages.js";
import { KERNEL_ROWS } from "./kernel.js";
import { attendByKernel } from "./kernel-attention.js";
import { OperatorAttention } from "./operator-attention.js";
import type { SequenceCaches } from "./sequence-caches.js";

/** The window of a layer without one, as the kernel takes it: longer than any context. */
const NO_WINDOW = 2 ** 30;

export class Attention {
  readonly #operator: OperatorAttention;
  readonly #windows: readonly (number | null)[];
  readonly #caches: SequenceCaches;
  readonly #qWidth: number;
  readonly #kvWidth: number;

  constructor(setup: RankSetup, caches: SequenceCaches) {
    const { kvHeads, ratio, headDim } = caches.store.layout;
    this.#operator = new OperatorAttention(setup, caches.store.layout);
    this.#windows = setup.checkpoint.config.windows;
    this.#caches = caches;
    this.#qWidth = kvHeads * ratio * headDim;
    this.#kvWidth = kvHeads * headDim;
  }

  /**
   * Appends the new keys and values to each sequence's KV cache, then attends over it, or over the window of the layer.
   * q [tokens, q heads * headDim], k and v [tokens, KV heads * headDim], in the order of the spans. Returns a matrix shaped like q.
   */
  run(layer: number, spans: readonly SequenceSpan[], q: Float32Array, k: Float32Array, v: Float32Array): Float32Array {
    const window = this.#windows[layer] ?? NO_WINDOW;
    const attended = new Float32Array(q.length);
    let row = 0;
    for (const { sequence, position, count } of spans) {
      const cache = this.#caches.of(sequence);
      const rows = (from: Float32Array, width: number) => from.subarray(row * width, (row + count) * width);
      cache.append(layer, position, rows(k, this.#kvWidth), rows(v, this.#kvWidth));
      const [queries, results] = [rows(q, this.#qWidth), rows(attended, this.#qWidth)];
      if (this.#caches.store.hasKernel && count <= KERNEL_ROWS) {
        attendByKernel(cache, layer, position, count, window, queries, results);
      } else this.#operator.run(cache, layer, position, count, window, queries, results);
      row += count;
    }
    return attended;
  }

  close(): void {
    this.#operator.close();
  }
}
