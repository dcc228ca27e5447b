/** The axes of tensors, and which rows and columns of a tensor one share of the model needs. Does not know names or bytes. */
import type { Range } from "../../formats/tensor/range.js";
import type { ModelConfig } from "../config/config.js";
import { ffnUnit, type RankShare } from "./partition.js";

/**
 * What the indices along an axis of a tensor count: the residual stream, one head, the query heads or the KV heads (headDim
 * indices each), the feed-forward width, or tokens. Ranks divide every axis except "dim" and "head".
 */
export type Axis = "dim" | "head" | "qHeads" | "kvHeads" | "ffn" | "vocab";

/** The axes of a matrix [out, in], in the layout of the files, or of a norm or bias. */
export type Axes = readonly [Axis] | readonly [Axis, Axis];

export interface Region {
  rows: Range;
  columns: Range;
}

/** Number of indices along an axis in the whole model. */
export function axisSize(axis: Axis, config: ModelConfig): number {
  const { dim, headDim, nHeads, nKvHeads, ffnDim, vocabSize } = config;
  const heads = { head: headDim, qHeads: nHeads * headDim, kvHeads: nKvHeads * headDim };
  const sizes = { dim, ...heads, ffn: ffnDim, vocab: vocabSize };
  return sizes[axis];
}

/** Number of indices that stay together on a rank; null for an axis that ranks do not divide. */
export function axisUnit(axis: Axis, { headDim, ffnDim }: ModelConfig): number | null {
  const units = { dim: null, head: null, qHeads: headDim, kvHeads: headDim, ffn: ffnUnit(ffnDim), vocab: 1 };
  return units[axis];
}

/**
 * The region of a tensor that a share uses. Column-parallel weights are split by rows, row-parallel ones by columns
 * (fairscale, nn/model_parallel/layers.py). A norm or bias counts as one row.
 */
export function tensorRegion(axes: Axes, config: ModelConfig, share: RankShare): Region {
  const [rows, columns] = axes.map((axis) => axisRange(axis, config, share));
  return columns === undefined ? { rows: { start: 0, end: 1 }, columns: rows! } : { rows: rows!, columns };
}

function axisRange(axis: Axis, { dim, headDim }: ModelConfig, share: RankShare): Range {
  if (axis === "dim") return { start: 0, end: dim };
  if (axis === "head") return { start: 0, end: headDim };
  const { start, end } = share[axis];
  const width = axis === "qHeads" || axis === "kvHeads" ? headDim : 1;
  return { start: start * width, end: end * width };
}
