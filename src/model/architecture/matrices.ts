/** The matrices of each part of a layer: tensors of the checkpoint, stacked if they have the same input. Does not know numbers. */

import { lengthOf } from "../../formats/tensor/range.js";
import type { ModelConfig } from "../config/config.js";
import { ffnUnit, type RankShare } from "../split/partition.js";
import { tensorRegion } from "../split/shard-region.js";
import type { QuantType } from "./compute-type.js";
import type { QuantFormat } from "./quantize.js";
import { layerTensor } from "./tensor-table.js";

/**
 * Pieces of a layer, in the order of the forward pass (Meta's model.py, TransformerBlock):
 * - qkv: attention_norm, wq wk wv, rotary embedding of q and k
 * - wo: the output projection of attention
 * - ffn: ffn_norm, w2(silu(w1 x) * w3 x)
 * - head: norm and the output projection to logits
 */
export type Part = "qkv" | "wo" | "ffn" | "head";

/** Meta's tensors [out, in], stacked along their rows into one matrix. */
export interface Matrix {
  name: string;
  tensors: readonly string[];
}

/** The matrices of each part, named after their tensors. */
export const MATRICES = {
  qkv: [{ name: "attention.wqkv", tensors: ["attention.wq", "attention.wk", "attention.wv"] }],
  wo: [{ name: "attention.wo", tensors: ["attention.wo"] }],
  ffn: [
    { name: "feed_forward.w13", tensors: ["feed_forward.w1", "feed_forward.w3"] },
    { name: "feed_forward.w2", tensors: ["feed_forward.w2"] },
  ],
  head: [{ name: "output", tensors: ["output"] }],
} as const satisfies Record<Part, readonly Matrix[]>;

/** The norm at the start of each part. */
export const NORMS: Readonly<Record<Part, string | null>> = {
  qkv: "attention_norm",
  wo: null,
  ffn: "ffn_norm",
  head: "norm",
};

/** Meta's full name of a part's tensor in a layer; the head does not belong to a layer. */
export function partTensor(part: Part, layer: number, name: string): string {
  return part === "head" ? `${name}.weight` : layerTensor(layer, name);
}

/** Rows and columns of a share of a matrix: [out, in]. */
export function matrixShape({ tensors }: Matrix, config: ModelConfig, share: RankShare): [number, number] {
  const regions = tensors.map((name) => tensorRegion(`${name}.weight`, config, share));
  return [regions.reduce((sum, { rows }) => sum + lengthOf(rows), 0), lengthOf(regions[0]!.columns)];
}

/**
 * How a matrix is quantised. Blocks of 128 are the fastest. If ranks split the columns, the block size divides the unit of
 * the split, so that any number of ranks has the same quantised weights (except for a headDim of 8: the kernel's smallest
 * block is 16).
 */
export function quantFormat({ name }: Matrix, config: ModelConfig, type: QuantType): QuantFormat {
  const unit = name === "attention.wo" ? config.headDim : name === "feed_forward.w2" ? ffnUnit(config.ffnDim) : 128;
  const blockSize = ([128, 64, 32] as const).find((size) => unit % size === 0) ?? 16;
  // The head's errors directly affect the logits, and it has only 2 % of a large model's weights.
  return { bits: type === "int8" || name === "output" ? 8 : 4, blockSize };
}
