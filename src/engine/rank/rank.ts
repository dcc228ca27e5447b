/**
 * One rank: its share of the weights, its sessions and KV caches. Computes its columns of the logits for a flat batch of tokens.
 * Does not know the order of a step, threads, messages or text.
 */
import { isStretched, ropeRows, ropeTables } from "../../model/architecture/rope.js";
import type { Stage } from "../../model/architecture/step-plan.js";
import { Attention } from "../attention/attention.js";
import { SequenceCaches } from "../attention/sequence-caches.js";
import { Collective } from "../shared/collective.js";
import type { Heartbeat } from "../shared/heartbeat.js";
import type { RankSetup, SequenceSpan } from "../shared/messages.js";
import { integers, type Tensor, tensor } from "../stages/onnx-session.js";
import type { Stages } from "../stages/stages.js";
import { Embedding } from "./embedding.js";

/** Initial number of positions in the rotary tables; they double on demand. */
const FIRST_POSITIONS = 512;
/** A decode step has at most this many tokens of a sequence, draft tokens included; more count as prefill. */
const MAX_DECODE_TOKENS = 16;

export class Rank {
  readonly collective: Collective;
  readonly caches: SequenceCaches;
  readonly #setup: RankSetup;
  readonly #heartbeat: Heartbeat;
  readonly #stages: Stages;
  readonly #attention: Attention;
  /** null if the plan does not embed tokens. */
  readonly #embedding: Embedding | null;
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
    this.#embedding = setup.plan.some(({ kind }) => kind === "embed")
      ? new Embedding(setup.checkpoint, setup.dtype)
      : null;
    this.collective = new Collective(setup.collective, setup.rank, setup.worldSize, setup.spinMs);
    [this.#cos, this.#sin] = this.#rotary(FIRST_POSITIONS);
  }

  static create(setup: RankSetup, stages: Stages, heartbeat: Heartbeat): Rank {
    const caches = new SequenceCaches(setup);
    return new Rank(setup, stages, caches, new Attention(setup, caches), heartbeat);
  }

  /**
   * Runs the rank's plan: the tokens of all spans, or h [tokens, dim] if the plan does not embed tokens. Extends the spans'
   * KV caches and writes the logits of `logitRows` (indices of tokens) to the shared logits. Returns h after the last layer;
   * may change the h it was given. Throws StepCancelled if the host cancelled the step.
   */
  step(input: Int32Array | Float32Array, spans: readonly SequenceSpan[], logitRows: Int32Array): Float32Array {
    const positions = spans.flatMap(({ position, count }) => Array.from({ length: count }, (_, i) => position + i));
    const rotary = this.#rotaryOf(spans, positions);
    const phase = spans.some(({ position, count }) => position === 0 || count > MAX_DECODE_TOKENS)
      ? "prefill"
      : "decode";
    this.#heartbeat.at(phase, null);
    let h = input as Float32Array; // [tokens, dim]
    let attended: Float32Array = new Float32Array(0); // [tokens, q heads * headDim]
    let outputs: Record<string, Float32Array> = {};
    for (const operation of this.#setup.plan) {
      switch (operation.kind) {
        case "embed":
          h = this.#embedding!.rows(input as Int32Array);
          break;
        case "stage": {
          const { stage } = operation;
          const feeds: Record<string, Tensor> = {};
          if (stage.inputs.includes("h")) feeds.h = rows(h, positions.length);
          if (stage.inputs.includes("attended")) feeds.attended = rows(attended, positions.length);
          if (stage.inputs.includes("rotary")) Object.assign(feeds, rotary);
          outputs = this.#stages.run(stage, feeds);
          if (outputs.h_out) h = outputs.h_out;
          break;
        }
        case "attention": {
          this.#heartbeat.at(phase, operation.layer);
          const { q, k, v } = outputs;
          attended = this.#attention.run(operation.layer, spans, q!, k!, v!);
          this.collective.checkpoint();
          break;
        }
        case "sum":
          this.#heartbeat.at("collective", operation.layer);
          this.collective.addAllReduce(h, outputs.partial!);
          this.#heartbeat.at(phase, operation.layer);
          break;
        case "head":
          if (logitRows.length > 0) this.#head(operation.stage, h, logitRows);
      }
    }
    return h;
  }

  close(): void {
    this.#embedding?.close();
    this.#stages.close();
    this.#attention.close();
  }

  /** Writes this rank's columns of the requested logits, [rows, vocabulary share], to shared memory. */
  #head(stage: Stage, h: Float32Array, logitRows: Int32Array): void {
    const { dim, vocabSize } = this.#setup.checkpoint.config;
    const { start, end } = this.#setup.share.vocab;
    const chosen = new Float32Array(logitRows.length * dim);
    logitRows.forEach((row, i) => {
      chosen.set(h.subarray(row * dim, (row + 1) * dim), i * dim);
    });
    const { logits } = this.#stages.run(stage, { h: rows(chosen, logitRows.length) });
    const shared = new Float32Array(this.#setup.logits);
    const width = end - start;
    for (let i = 0; i < logitRows.length; i++) {
      shared.set(logits!.subarray(i * width, (i + 1) * width), i * vocabSize + start);
    }
  }

  /** The inputs of rotation: places in the tables of positions, or a row of its own for each token where its sequence decides. */
  #rotaryOf(spans: readonly SequenceSpan[], positions: readonly number[]) {
    const { config } = this.#setup.checkpoint;
    if (
      spans.some(({ position, count, promptLength = 0 }) =>
        isStretched(config, Math.max(promptLength, position + count)),
      )
    ) {
      const lengths = spans.flatMap(({ position, count, promptLength = 0 }) =>
        Array.from({ length: count }, (_, i) => Math.max(promptLength, position + i + 1)),
      );
      const shape = [positions.length, config.headDim / 2];
      const { cos, sin } = ropeRows(
        config,
        positions.map((position, i) => ({ position, length: lengths[i]! })),
      );
      const position_ids = integers([...positions.keys()], [1, positions.length]);
      return { position_ids, cos: tensor(cos, shape), sin: tensor(sin, shape) };
    }
    this.#growRotary(Math.max(...positions) + 1);
    return { position_ids: integers(positions, [1, positions.length]), cos: this.#cos, sin: this.#sin };
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

/** A tensor over a matrix of `count` rows. */
function rows(numbers: Float32Array, count: number): Tensor {
  return tensor(numbers, [count, numbers.length / count]);
}
