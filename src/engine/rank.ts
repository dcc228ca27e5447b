/**
 * One rank: a share of the weights, its sessions and its caches; takes a flat batch of tokens to its columns of the logits.
 * Knows layers and positions; not threads, messages or text.
 */
import { convertToFloat32 } from "../formats/half.js";
import { ELEMENT_BYTES } from "../formats/tensor-entry.js";
import { buildAttention, buildSegment, type Part } from "../model/graph.js";
import { ropeTables } from "../model/rope.js";
import { Collective } from "./collective.js";
import { KvCache } from "./kv-cache.js";
import type { RankSetup, SequenceSpan } from "./protocol.js";
import { createSession, floats, integers, type Session, type Tensor } from "./session.js";
import { embeddingType, loadWeights, type RankWeights } from "./weights.js";

/** Numbers of one attention run's score matrix [heads, queries, keys] at most: 128 MB. */
const MAX_SCORES = 1 << 25;
/** Positions the rotary tables begin with; they double on demand. */
const FIRST_POSITIONS = 512;

/** A graph together with the weights it is fed with; one session serves every layer. */
interface Stage {
  session: Session;
  weights: readonly string[];
}

type Outputs = Record<string, Float32Array>;

export class Rank {
  readonly collective: Collective;
  readonly #setup: RankSetup;
  readonly #weights: RankWeights;
  readonly #stages: Readonly<Record<string, Stage>>;
  readonly #attention: Session;
  readonly #caches = new Map<number, KvCache>();
  #cos: Tensor;
  #sin: Tensor;

  private constructor(setup: RankSetup, weights: RankWeights, stages: Record<string, Stage>, attention: Session) {
    this.#setup = setup;
    this.#weights = weights;
    this.#stages = stages;
    this.#attention = attention;
    this.collective = new Collective(setup.collective, setup.rank, setup.worldSize, setup.spins);
    [this.#cos, this.#sin] = this.#rotary(FIRST_POSITIONS);
  }

  /** Reads the weights and makes the sessions. */
  static async load(setup: RankSetup, onBytes: (bytes: number) => void): Promise<Rank> {
    const { config } = setup.checkpoint;
    const weights = loadWeights(setup.checkpoint, setup.share, setup.embedding, onBytes);
    // A rank that is alone need not stop for sums, so a run goes from one attention to the next.
    const plan: Part[][] =
      setup.worldSize === 1
        ? [["qkv"], ["wo", "ffn", "qkv"], ["wo", "ffn"], ["head"]]
        : [["qkv"], ["wo"], ["ffn"], ["head"]];
    const stages: Record<string, Stage> = {};
    for (const parts of plan) {
      const segment = buildSegment(config, setup.share, parts, setup.worldSize === 1);
      const session = await createSession(segment.model, setup.threads);
      stages[parts.join(" ")] = { session, weights: segment.weights };
    }
    const attention = await createSession(buildAttention(config, setup.share), setup.threads);
    return new Rank(setup, weights, stages, attention);
  }

  /**
   * Runs the tokens of all spans through the model, extends the spans' caches and writes the logits of the asked rows
   * (indices into `tokens`) to the shared logits. Throws StepCancelled when the host asked to stop.
   */
  async step(tokens: Int32Array, spans: readonly SequenceSpan[], logitRows: Int32Array): Promise<void> {
    const { nLayers } = this.#setup.checkpoint.config;
    const positions = spans.flatMap(({ position, count }) => Array.from({ length: count }, (_, i) => position + i));
    this.#reach(Math.max(...positions) + 1);
    const rotary = { position_ids: integers(positions, [1, positions.length]), cos: this.#cos, sin: this.#sin };
    let h = this.#embed(tokens); // [tokens, dim]
    let qkv = await this.#run("qkv", 0, { h: this.#rows(h), ...rotary });

    for (let layer = 0; layer < nLayers; layer++) {
      const attended = floats(await this.#attend(layer, spans, qkv), [tokens.length, qkv.q!.length / tokens.length]);
      const last = layer === nLayers - 1;
      if (this.#setup.worldSize === 1) {
        this.collective.checkpoint();
        const feeds = { h: this.#rows(h), attended };
        qkv = last
          ? await this.#run("wo ffn", layer, feeds)
          : await this.#run("wo ffn qkv", layer, { ...feeds, ...rotary });
        h = qkv.h_out!;
      } else {
        const projected = await this.#run("wo", layer, { attended });
        this.collective.addAllReduce(h, projected.partial!);
        const fed = await this.#run("ffn", layer, { h: this.#rows(h) });
        this.collective.addAllReduce(h, fed.partial!);
        if (!last) qkv = await this.#run("qkv", layer + 1, { h: this.#rows(h), ...rotary });
      }
    }
    if (logitRows.length > 0) await this.#head(h, logitRows);
  }

  /** Forgets a sequence. */
  release(sequence: number): void {
    this.#caches.delete(sequence);
  }

  async close(): Promise<void> {
    for (const { session } of Object.values(this.#stages)) await session.release();
    await this.#attention.release();
  }

  /** Runs a stage with the weights of `layer`; a stage that ends with the next layer's qkv takes those from there. */
  #run(stage: string, layer: number, feeds: Record<string, Tensor>): Promise<Outputs> {
    const { session, weights } = this.#stages[stage]!;
    for (const name of weights) {
      const ofNext = stage !== "qkv" && QKV_WEIGHT.test(name);
      feeds[name] = this.#weights.get(`layers.${ofNext ? layer + 1 : layer}.${name}`) ?? this.#weights.get(name)!;
    }
    return session.run(feeds);
  }

  /** Appends the new keys and values to each sequence's cache and attends over it: [tokens, q heads * headDim]. */
  async #attend(layer: number, spans: readonly SequenceSpan[], { q, k, v }: Outputs): Promise<Float32Array> {
    const { checkpoint, share, maxSeqLen } = this.#setup;
    const qHeads = share.qHeads.end - share.qHeads.start;
    const qWidth = qHeads * checkpoint.config.headDim;
    const kvWidth = (share.kvHeads.end - share.kvHeads.start) * checkpoint.config.headDim;
    const attended = new Float32Array(q!.length);
    let row = 0;
    for (const { sequence, position, count } of spans) {
      const cache = this.#cache(sequence, kvWidth);
      const rows = (from: Float32Array) => from.subarray(row * kvWidth, (row + count) * kvWidth);
      cache.append(layer, position, rows(k!), rows(v!), maxSeqLen);
      // Queries go in blocks so that the score matrix stays small at any length; each block sees just its prefix.
      const block = Math.max(1, Math.floor(MAX_SCORES / (qHeads * (position + count))));
      for (let done = 0; done < count; done += block) {
        const queries = Math.min(block, count - done);
        const length = position + done + queries;
        const start = (row + done) * qWidth;
        const result = await this.#attention.run({
          q: floats(q!.subarray(start, start + queries * qWidth), [1, queries, qWidth]),
          k: floats(cache.keys(layer, length), [1, length, kvWidth]),
          v: floats(cache.values(layer, length), [1, length, kvWidth]),
          length: integers([length], [1]),
        });
        attended.set(result.attended!, start);
      }
      row += count;
    }
    return attended;
  }

  /** Logits of the asked rows, this rank's columns, into shared memory. */
  async #head(h: Float32Array, logitRows: Int32Array): Promise<void> {
    const { dim, vocabSize } = this.#setup.checkpoint.config;
    const { start, end } = this.#setup.share.vocab;
    const chosen = new Float32Array(logitRows.length * dim);
    logitRows.forEach((row, i) => {
      chosen.set(h.subarray(row * dim, (row + 1) * dim), i * dim);
    });
    const { logits } = await this.#run("head", 0, { h: this.#rows(chosen) });
    const shared = new Float32Array(this.#setup.logits);
    const width = end - start;
    for (let i = 0; i < logitRows.length; i++) {
      shared.set(logits!.subarray(i * width, (i + 1) * width), i * vocabSize + start);
    }
  }

  /** Rows of the shared embedding table as float32, [tokens, dim]. */
  #embed(tokens: Int32Array): Float32Array {
    const { checkpoint, embedding } = this.#setup;
    const { dim } = checkpoint.config;
    const dtype = embeddingType(checkpoint);
    const rowBytes = dim * ELEMENT_BYTES[dtype];
    const rows = new Float32Array(tokens.length * dim);
    tokens.forEach((token, i) => {
      convertToFloat32(dtype, new Uint8Array(embedding, token * rowBytes, rowBytes), rows, i * dim);
    });
    return rows;
  }

  #rows(h: Float32Array): Tensor {
    const { dim } = this.#setup.checkpoint.config;
    return floats(h, [h.length / dim, dim]);
  }

  #cache(sequence: number, width: number): KvCache {
    let cache = this.#caches.get(sequence);
    if (!cache) {
      cache = new KvCache(this.#setup.checkpoint.config.nLayers, width);
      this.#caches.set(sequence, cache);
    }
    return cache;
  }

  /** Makes the rotary tables long enough for `positions`. */
  #reach(positions: number): void {
    const have = this.#cos.dims[0]!;
    if (positions > have) [this.#cos, this.#sin] = this.#rotary(Math.max(positions, have * 2));
  }

  #rotary(positions: number): [Tensor, Tensor] {
    const { config } = this.#setup.checkpoint;
    const { cos, sin } = ropeTables(config, positions);
    const shape = [positions, config.headDim / 2];
    return [floats(cos, shape), floats(sin, shape)];
  }
}

const QKV_WEIGHT = /^attention(_norm|\.w[qkv])$/;
