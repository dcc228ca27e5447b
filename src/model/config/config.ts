/** The config of a model: its shape and constants, with all defaults filled in. */

/** Llama 3.1's frequency scaling (llama-models, models/llama3/model.py, apply_scaling). */
export interface RopeScaling {
  factor: number;
  lowFreqFactor: number;
  highFreqFactor: number;
  /** Tokens the model was first trained on. */
  oldContext: number;
}

/**
 * Which numbers of a head are rotated as a pair: neighbours (x[2j], x[2j + 1]) as in Meta's code, or (x[j], x[j + headDim / 2])
 * as in transformers. The rows of wq and wk are stored in the matching order.
 */
export type Rotation = "interleaved" | "halved";

export interface ModelConfig {
  dim: number;
  nLayers: number;
  nHeads: number;
  nKvHeads: number;
  /** dim / nHeads, unless a config.json says otherwise. */
  headDim: number;
  /** Width of the feed-forward block. */
  ffnDim: number;
  vocabSize: number;
  normEps: number;
  rotation: Rotation;
  ropeTheta: number;
  ropeScaling: RopeScaling | null;
}
