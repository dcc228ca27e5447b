/** Computes from shapes how many bytes of weights and KV cache a token reads. Does not know files or time. */
import { type ComputeType, isCacheHalf } from "../architecture/compute-type.js";
import { MATRICES, type Matrix, matrixShape, type Part, quantFormat } from "../architecture/matrices.js";
import { quantizedSize } from "../architecture/quantize.js";
import type { ModelConfig } from "../config/config.js";
import type { RankShare } from "../split/partition.js";

export interface BytesPerToken {
  /** Matrices and norms of all ranks: what one token reads if a step has no other token, including the logits. */
  weights: number;
  /** Keys and values of one position over all layers and ranks. */
  position: number;
}

/** The bytes of a model divided into these shares. Does not count the embedding, of which a token reads one row. */
export function modelBytesPerToken(
  config: ModelConfig,
  shares: readonly RankShare[],
  dtype: ComputeType,
): BytesPerToken {
  const parts = shares.map((share) => shareBytesPerToken(config, share, dtype));
  const sum = (key: keyof BytesPerToken) => parts.reduce((total, part) => total + part[key], 0);
  return { weights: sum("weights"), position: sum("position") };
}

/** The same for one rank. */
export function shareBytesPerToken(config: ModelConfig, share: RankShare, dtype: ComputeType): BytesPerToken {
  // norms, of which every rank has a full copy
  let weights = (2 * config.nLayers + 1) * config.dim * 4;
  for (const part of Object.keys(MATRICES) as Part[]) {
    weights += (part === "head" ? 1 : config.nLayers) * partBytes(part, config, share, dtype);
  }
  const heads = share.kvHeads.end - share.kvHeads.start;
  return { weights, position: config.nLayers * heads * config.headDim * 2 * (isCacheHalf(dtype) ? 2 : 4) };
}

/** Bytes of the matrices of one part of one layer in a share. */
export function partBytes(part: Part, config: ModelConfig, share: RankShare, dtype: ComputeType): number {
  return MATRICES[part].reduce((sum, linear) => sum + matrixBytes(linear, config, share, dtype), 0);
}

function matrixBytes(linear: Matrix, config: ModelConfig, share: RankShare, dtype: ComputeType): number {
  const [rows, columns] = matrixShape(linear, config, share);
  if (dtype === "fp32") return rows * columns * 4;
  const { packedBytes, scaleCount } = quantizedSize(rows, columns, quantFormat(linear, config, dtype));
  return packedBytes + scaleCount * 4;
}
