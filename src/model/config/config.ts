/** The config of a model: its shape and constants, with all defaults filled in. */

/** How the frequencies of rotation differ from theta's, by the names of transformers (modeling_rope_utils.py) or as a list. */
export type RopeScaling = LlamaScaling | LinearScaling | DynamicScaling | YarnScaling | FactorScaling;

/** Llama 3.1's frequency scaling (llama-models, models/llama3/model.py, apply_scaling). */
export interface LlamaScaling {
  kind: "llama3";
  factor: number;
  lowFreqFactor: number;
  highFreqFactor: number;
  /** Tokens the model was first trained on. */
  oldContext: number;
}

/** All frequencies are divided by the factor. */
export interface LinearScaling {
  kind: "linear";
  factor: number;
}

/** Nothing changes up to `oldContext` tokens; in longer sequences theta depends on their length (transformers, _compute_dynamic_ntk_parameters). */
export interface DynamicScaling {
  kind: "dynamic";
  factor: number;
  oldContext: number;
}

/** YaRN (arXiv:2309.00071): keeps high frequencies, divides low ones, and scales cosines and sines. */
export interface YarnScaling {
  kind: "yarn";
  factor: number;
  /** Rotations within `oldContext` above which a frequency is kept, and below which it is divided. */
  betaFast: number;
  betaSlow: number;
  /** Whether the bounds of the ramp between them are rounded to whole pairs. */
  isTruncated: boolean;
  /** Multiplies cosines and sines. */
  attentionFactor: number;
  oldContext: number;
}

/** A divisor for the frequency of each pair, [headDim / 2]: GGUF files have Llama 3.1's scaling in this form. */
export interface FactorScaling {
  kind: "factors";
  factors: readonly number[];
}

/**
 * Which numbers of a head are rotated as a pair: neighbours (x[2j], x[2j + 1]) as in Meta's code, or (x[j], x[j + headDim / 2])
 * as in transformers. The rows of wq and wk are stored in the matching order.
 */
export type Rotation = "interleaved" | "halved";

/** What a relative of LLaMA has in addition to LLaMA's own tensors and steps. */
export interface Variation {
  /** What people call the architecture. */
  architecture: string;
  /** Products that add a bias: wq, wk and wv together; wo; w1, w2 and w3 together. */
  biases: Readonly<Record<"qkv" | "wo" | "ffn", boolean>>;
  /** Whether each head of q and k passes through an RMS norm before rotation. */
  headNorms: boolean;
  /** For each layer, the number of last tokens that it attends to, the current one included; null or no entry: all. */
  windows: readonly (number | null)[];
  /** Layers whose q and k are not rotated, in order. */
  unrotatedLayers: readonly number[];
}

/** What LLaMA has: none of these. */
export const LLAMA: Variation = {
  architecture: "LLaMA",
  biases: { qkv: false, wo: false, ffn: false },
  headNorms: false,
  windows: [],
  unrotatedLayers: [],
};

/** Blocks of integers with a scale each, and perhaps an offset: weight = integer * scale + offset. */
export interface StoredFormat {
  bits: 4 | 8;
  hasOffsets: boolean;
}

export interface ModelConfig extends Variation {
  dim: number;
  nLayers: number;
  nHeads: number;
  nKvHeads: number;
  /** dim / nHeads, unless a config.json says otherwise. */
  headDim: number;
  /** Width of the feed-forward block. */
  ffnDim: number;
  /** Rows of the embedding and of the output matrix: in Hugging Face's files more, or fewer, than the tokenizer has tokens. */
  vocabSize: number;
  normEps: number;
  rotation: Rotation;
  ropeTheta: number;
  /** Matrices that the files have in blocks of 32 which can be handed on to the runtime, by name; absent in formats without blocks. */
  storedBlocks?: Readonly<Record<string, StoredFormat>>;
  ropeScaling: RopeScaling | null;
  /** Tokens that the model was made for; null if its files do not say (params.json does not). */
  contextLength: number | null;
}
