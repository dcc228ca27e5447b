/**
 * One rank: its share of the weights, its sessions and KV caches. Computes its columns of the logits for a flat batch of tokens.
 * Does not know threads, messages or text.
 */
import { ropeTables } from "../../model/architecture/rope.js";
import { openWeights, type WeightSource } from "../../model/checkpoint/weight-source.js";
import { Collective } from "../shared/collective.js";
import type { Heartbeat } from "../shared/heartbeat.js";
import type { RankSetup, SequenceSpan } from "../shared/messages.js";
import { checkRow } from "../stages/finite-check.js";
import { integers, type Numbers, type Tensor, tensor } from "../stages/onnx-session.js";
import type { Stages } from "../stages/stages.js";
import { Attention } from "./attention.js";
import { SequenceCaches } from "./sequence-caches.js";

/** Initial number of positions in the rotary tables; they double on demand. */
const FIRST_POSITIONS = 512;
/** A decode step has at most this many tokens of a sequence, draft tokens included; more count as prefill. */
const MAX_DECODE_TOKENS = 16;
const EMBEDDING = "tok_embeddings.weight";

export class Rank {
  readonly collective: Collective;
  readonly caches: SequenceCaches;
  readonly #setup: RankSetup;
  readonly #heartbeat: Heartbeat;
  readonly #stages: Stages;
  readonly #attention: Attention;
  /** The embedding stays on disk: a step reads only the rows of its tokens. */
  readonly #embedding: WeightSource;
  #cos: Tensor;
  #sin: Tensor;

  private constructor(
    setup: RankSetup,
    stages: Stages,
    caches: SequenceCaches,
    attention: Attention,
    heartbeat: Heartbeat,
  ) {
    this.#setup = setup;
    this.caches = caches;
    this.#heartbeat = heartbeat;
    this.#stages = stages;
    this.#attention = attention;
    this.#embedding = openWeights(setup.checkpoint);
    this.collective = new Collective(setup.collective, setup.rank, setup.worldSize, setup.spinMs);
    [this.#cos, this.#sin] = this.#rotary(FIRST_POSITIONS);
  }

  static async create(setup: RankSetup, stages: Stages, heartbeat: Heartbeat): Promise<Rank> {
    const caches = new SequenceCaches(setup);
    return new Rank(setup, stages, caches, await Attention.create(setup, caches), heartbeat);
  }

  /**
   * Runs the tokens of all spans through the model, extends the spans' KV caches and writes the logits of `logitRows`
   * (indices into `tokens`) to the shared logits. Throws StepCancelled if the host cancelled the step.
   */
  async step(tokens: Int32Array, spans: readonly SequenceSpan[], logitRows: Int32Array): Promise<void> {
    const { nLayers } = this.#setup.checkpoint.config;
    const positions = spans.flatMap(({ position, count }) => Array.from({ length: count }, (_, i) => position + i));
    this.#growRotary(Math.max(...positions) + 1);
    const rotary = { position_ids: integers(positions, [1, positions.length]), cos: this.#cos, sin: this.#sin };
    const phase = spans.some(({ position, count }) => position === 0 || count > MAX_DECODE_TOKENS)
      ? "prefill"
      : "decode";
    this.#heartbeat.at(phase, null);
    let h = this.#embed(tokens); // [tokens, dim]
    let qkv = await this.#stages.run("qkv", 0, { h: this.#rows(h), ...rotary });

    for (let layer = 0; layer < nLayers; layer++) {
      this.#heartbeat.at(phase, layer);
      const q = qkv.q as Float32Array;
      const result = await this.#attention.run(layer, spans, q, qkv.k!, qkv.v!);
      const attended = tensor(result, [tokens.length, q.length / tokens.length]);
      const isLast = layer === nLayers - 1;
      if (this.#setup.worldSize === 1) {
        this.collective.checkpoint();
        const feeds = { h: this.#rows(h), attended };
        qkv = isLast
          ? await this.#stages.run("wo ffn", layer, feeds)
          : await this.#stages.run("wo ffn qkv", layer, { ...feeds, ...rotary });
        h = qkv.h_out as Float32Array;
      } else {
        this.#add(h, await this.#stages.run("wo", layer, { attended }), layer);
        this.#heartbeat.at(phase, layer);
        this.#add(h, await this.#stages.run("ffn", layer, { h: this.#rows(h) }), layer);
        this.#heartbeat.at(phase, layer);
        if (!isLast) qkv = await this.#stages.run("qkv", layer + 1, { h: this.#rows(h), ...rotary });
      }
    }
    if (logitRows.length > 0) await this.#head(h, logitRows);
  }

  async close(): Promise<void> {
    this.#embedding.close();
    await this.#stages.close();
    await this.#attention.close();
  }

  /** Adds the sum of all ranks' partial products to h. */
  #add(h: Float32Array, { partial }: Record<string, Numbers>, layer: number): void {
    this.#heartbeat.at("collective", layer);
    this.collective.addAllReduce(h, partial as Float32Array);
  }

  /** Writes this rank's columns of the requested logits, [rows, vocabulary share], to shared memory. */
  async #head(h: Float32Array, logitRows: Int32Array): Promise<void> {
    const { dim, vocabSize, nLayers } = this.#setup.checkpoint.config;
    const { start, end } = this.#setup.share.vocab;
    const chosen = new Float32Array(logitRows.length * dim);
    logitRows.forEach((row, i) => {
      chosen.set(h.subarray(row * dim, (row + 1) * dim), i * dim);
    });
    const { logits } = await this.#stages.run("head", nLayers, { h: this.#rows(chosen) });
    const shared = new Float32Array(this.#setup.logits);
    const width = end - start;
    for (let i = 0; i < logitRows.length; i++) {
      shared.set(logits!.subarray(i * width, (i + 1) * width), i * vocabSize + start);
    }
  }

  /** Reads the embedding rows of the tokens, [tokens, dim]. */
  #embed(tokens: Int32Array): Float32Array {
    const { dim } = this.#setup.checkpoint.config;
    const rows = new Float32Array(tokens.length * dim);
    tokens.forEach((token, i) => {
      const row = rows.subarray(i * dim, (i + 1) * dim);
      this.#embedding.read(EMBEDDING, { start: token, end: token + 1 }, { start: 0, end: dim }, row);
      checkRow(this.#setup.checkpoint, EMBEDDING, token, row);
    });
    return rows;
  }

  #rows(h: Float32Array): Tensor {
    const { dim } = this.#setup.checkpoint.config;
    return tensor(h, [h.length / dim, dim]);
  }

  /** Makes the rotary tables long enough for `positions`. */
  #growRotary(positions: number): void {
    const have = this.#cos.dims[0]!;
    if (positions > have) [this.#cos, this.#sin] = this.#rotary(Math.max(positions, have * 2));
  }

  #rotary(positions: number): [Tensor, Tensor] {
    const { config } = this.#setup.checkpoint;
    const { cos, sin } = ropeTables(config, positions);
    const shape = [positions, config.headDim / 2];
    return [tensor(cos, shape), tensor(sin, shape)];
  }
}
