/** How many bytes a model takes in memory and a token reads of it, from shapes alone. Knows no kernel, no file and no time. */
import { type ComputeType, isCacheHalf } from "../architecture/compute-type.js";
import { MATRICES, type Matrix, matrixShape, type Part, quantFormat } from "../architecture/matrices.js";
import { quantizedSize } from "../architecture/quantize.js";
import type { ModelConfig } from "../config/config.js";
import type { RankShare } from "../split/partition.js";

export interface BytesPerToken {
  /** Matrices and norms over all ranks: what one token reads when it goes through the model alone, logits included. */
  weights: number;
  /** Keys and values of one position over all layers and ranks. */
  position: number;
}

/** The bytes of a model that is divided like this. The embedding, of which a token reads one row, does not count. */
export function modelBytesPerToken(
  config: ModelConfig,
  shares: readonly RankShare[],
  dtype: ComputeType,
): BytesPerToken {
  const parts = shares.map((share) => shareBytesPerToken(config, share, dtype));
  const sum = (key: keyof BytesPerToken) => parts.reduce((total, part) => total + part[key], 0);
  return { weights: sum("weights"), position: sum("position") };
}

/** The same of one rank. */
export function shareBytesPerToken(config: ModelConfig, share: RankShare, dtype: ComputeType): BytesPerToken {
  // norms, which every rank has whole
  let weights = (2 * config.nLayers + 1) * config.dim * 4;
  for (const part of Object.keys(MATRICES) as Part[]) {
    weights += (part === "head" ? 1 : config.nLayers) * partBytes(part, config, share, dtype);
  }
  const heads = share.kvHeads.end - share.kvHeads.start;
  return { weights, position: config.nLayers * heads * config.headDim * 2 * (isCacheHalf(dtype) ? 2 : 4) };
}

/** Matrices of one part, of one layer, in a share. */
export function partBytes(part: Part, config: ModelConfig, share: RankShare, dtype: ComputeType): number {
  return MATRICES[part].reduce((sum, linear) => sum + matrixBytes(linear, config, share, dtype), 0);
}

function matrixBytes(linear: Matrix, config: ModelConfig, share: RankShare, dtype: ComputeType): number {
  const [rows, columns] = matrixShape(linear, config, share);
  if (dtype === "fp32") return rows * columns * 4;
  const { packedBytes, scaleCount } = quantizedSize(rows, columns, quantFormat(linear, config, dtype));
  return packedBytes + scaleCount * 4;
}
