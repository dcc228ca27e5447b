/** Attention by the runtime's operator, for prompts and where there is no kernel: copies a prefix of the cache as fp32. Does not know weights. */
import { buildAttention } from "../../model/architecture/attention.js";
import type { RankSetup } from "../shared/messages.js";
import { createSession, integers, type Session, type Tensor, tensor } from "../stages/onnx-session.js";
import type { KvCache } from "./kv-cache.js";
import type { PageLayout } from "./page-layout.js";
import { windowMask } from "./window-mask.js";

/** Maximum size of one run's score matrix [heads, queries, keys], in numbers: 128 MB. */
const MAX_SCORES = 1 << 25;
/** Numbers of keys that are copied for one run, but at least one head: as many of values; the core's cache holds a part. */
const COPIED = 1 << 20;

export class OperatorAttention {
  readonly #layout: PageLayout;
  readonly #causal: Session;
  /** For queries that attend to different first keys; null if no layer has a window shorter than the context. */
  readonly #masked: Session | null;
  #keys = new Float32Array(0);
  #values = new Float32Array(0);
  /** Queries of all heads, [q heads, queries, headDim]. */
  #queries = new Float32Array(0);
  /** The last mask, which the next layer needs too, and what it was made for. */
  #mask: { about: string; mask: Tensor } | null = null;

  constructor({ checkpoint, threads, maxSeqLen }: RankSetup, layout: PageLayout) {
    const { headDim, windows } = checkpoint.config;
    const open = (kind: "causal" | "masked") => createSession(buildAttention(headDim, kind), { threads });
    const isLimited = windows.some((window) => window !== null && window < maxSeqLen);
    this.#layout = layout;
    this.#causal = open("causal");
    this.#masked = isLimited ? open("masked") : null;
  }

  /** Attends from rows q [count, q heads * headDim], the first of which has `position`; writes a matrix of the same shape. */
  run(
    cache: KvCache,
    layer: number,
    position: number,
    count: number,
    window: number,
    q: Float32Array,
    attended: Float32Array,
  ): void {
    const { type, kvHeads, ratio, headDim } = this.#layout;
    const width = kvHeads * ratio * headDim;
    if (type === "int8") {
      // The products of turned queries and keys are the same; the sums of turned values are turned back.
      q = q.slice();
      cache.turnHeads(q, "to");
    }
    const longest = count + Math.min(position, window - 1);
    const heads = Math.min(kvHeads, Math.max(1, Math.floor(COPIED / (longest * headDim))));
    // Queries run in blocks so that the score matrix stays small at any length; each block attends only to its own keys.
    const block = Math.max(1, Math.floor(MAX_SCORES / (heads * ratio * longest)));
    for (let done = 0; done < count; done += block) {
      const queries = Math.min(block, count - done);
      const rows = (matrix: Float32Array) => matrix.subarray(done * width, (done + queries) * width);
      for (let head = 0; head < kvHeads; head += heads) {
        const group = { first: head, count: Math.min(heads, kvHeads - head) };
        this.#attend(cache, layer, group, position + done, queries, window, rows(q), rows(attended));
      }
    }
    cache.turnHeads(attended, "back");
  }

  close(): void {
    this.#causal.release();
    this.#masked?.release();
  }

  /** The queries of some KV heads: rows of q and attended, [queries, q heads * headDim]. */
  #attend(
    cache: KvCache,
    layer: number,
    group: { first: number; count: number },
    position: number,
    queries: number,
    window: number,
    q: Float32Array,
    attended: Float32Array,
  ): void {
    const { kvHeads, ratio, headDim } = this.#layout;
    const end = position + queries;
    // The keys of all queries: the first query's window begins first.
    const first = Math.max(0, position + 1 - window);
    const keys = end - first;
    const numbers = group.count * keys * headDim;
    if (this.#keys.length < numbers) {
      this.#keys = new Float32Array(numbers);
      this.#values = new Float32Array(numbers);
    }
    for (let i = 0; i < group.count; i++) {
      const at = i * keys * headDim;
      cache.readHead(layer, group.first + i, first, end, this.#keys.subarray(at), this.#values.subarray(at));
    }
    const heads = group.count * ratio;
    const size = heads * queries * headDim;
    if (this.#queries.length < size) this.#queries = new Float32Array(size);
    const place = { width: kvHeads * ratio * headDim, column: group.first * ratio * headDim, heads, queries, headDim };
    // q is scaled here: the operator has a faster kernel for a factor of 1.
    toHeads(q, this.#queries, place, 1 / Math.sqrt(headDim));
    const shape = [1, group.count, keys, headDim];
    const feeds: Record<string, Tensor> = {
      q: tensor(this.#queries.subarray(0, size), [1, heads, queries, headDim]),
      k: tensor(this.#keys.subarray(0, numbers), shape),
      v: tensor(this.#values.subarray(0, numbers), shape),
    };
    const isMasked = end - window > first;
    if (isMasked) feeds.mask = this.#maskOf(queries, keys, window);
    else feeds.length = integers([keys], [1]);
    const result = (isMasked ? this.#masked! : this.#causal).run(feeds);
    fromHeads(result.attended!, attended, place);
  }

  #maskOf(queries: number, keys: number, window: number): Tensor {
    const about = `${queries} ${keys} ${window}`;
    if (this.#mask?.about !== about) {
      this.#mask = { about, mask: tensor(windowMask(queries, keys, window), [queries, keys]) };
    }
    return this.#mask.mask;
  }
}

/** Some heads of a matrix [queries, width], from `column` on. */
interface Heads {
  width: number;
  column: number;
  heads: number;
  queries: number;
  headDim: number;
}

/** Copies heads of a matrix to [heads, queries, headDim], times a factor. */
function toHeads(matrix: Float32Array, to: Float32Array, place: Heads, factor: number): void {
  const { width, column, heads, queries, headDim } = place;
  let at = 0;
  for (let head = 0; head < heads; head++) {
    for (let query = 0; query < queries; query++) {
      const from = query * width + column + head * headDim;
      for (let i = 0; i < headDim; i++) to[at++] = matrix[from + i]! * factor;
    }
  }
}

/** Copies [heads, queries, headDim] to heads of a matrix. */
function fromHeads(from: Float32Array, matrix: Float32Array, place: Heads): void {
  const { width, column, heads, queries, headDim } = place;
  let at = 0;
  for (let head = 0; head < heads; head++) {
    for (let query = 0; query < queries; query++, at += headDim) {
      matrix.set(from.subarray(at, at + headDim), query * width + column + head * headDim);
    }
  }
}
