/** Computes from shapes how many bytes of weights and KV cache a token reads. Does not know files or time. */
import { lengthOf } from "../../formats/tensor/range.js";
import type { ComputeType } from "../architecture/compute-type.js";
import { chooseKvType, type KvType, kvHeadBytes } from "../architecture/kv-type.js";
import { type Matrix, matrixShape, partMatrices, quantFormat } from "../architecture/matrices.js";
import { quantizedSize } from "../architecture/quantize.js";
import { PARTS, partCount } from "../architecture/step-plan.js";
import { type Part, partVectors } from "../architecture/tensor-table.js";
import type { ModelConfig } from "../config/config.js";
import type { RankShare } from "../split/partition.js";
import { tensorRegion } from "../split/rank-region.js";

export interface BytesPerToken {
  /** Matrices, norms and biases of all ranks: what one token reads if a step has no other token, including the logits. */
  weights: number;
  /** Keys and values of one position over all ranks and their layers. */
  position: number;
}

/** The bytes of a model divided into these shares. Does not count the embedding, of which a token reads one row. */
export function modelBytesPerToken(
  config: ModelConfig,
  shares: readonly RankShare[],
  dtype: ComputeType,
  kvType: KvType = chooseKvType(dtype, config),
): BytesPerToken {
  const parts = shares.map((share) => shareBytesPerToken(config, share, dtype, kvType));
  const sum = (key: keyof BytesPerToken) => parts.reduce((total, part) => total + part[key], 0);
  return { weights: sum("weights"), position: sum("position") };
}

/** The same for one rank. */
export function shareBytesPerToken(
  config: ModelConfig,
  share: RankShare,
  dtype: ComputeType,
  kvType: KvType,
): BytesPerToken {
  let weights = 0;
  for (const part of PARTS) {
    const vectors = partVectors(part, config).map(
      ({ axes }) => lengthOf(tensorRegion(axes, config, share).columns) * 4,
    );
    const bytes = vectors.reduce((sum, length) => sum + length, partBytes(part, config, share, dtype));
    weights += partCount(part, config, share.layers) * bytes;
  }
  const heads = lengthOf(share.layers) * lengthOf(share.kvHeads);
  return { weights, position: heads * 2 * kvHeadBytes(config.headDim, kvType) };
}

/** Bytes of the matrices of one part of one layer in a share. */
export function partBytes(part: Part, config: ModelConfig, share: RankShare, dtype: ComputeType): number {
  return partMatrices(part).reduce((sum, matrix) => sum + matrixBytes(matrix, config, share, dtype), 0);
}

function matrixBytes(matrix: Matrix, config: ModelConfig, share: RankShare, dtype: ComputeType): number {
  const [rows, columns] = matrixShape(matrix, config, share);
  if (dtype === "fp32") return rows * columns * 4;
  const format = quantFormat(matrix, config, dtype);
  const { packedBytes, scaleCount } = quantizedSize(rows, columns, format);
  return packedBytes + scaleCount * (format.hasOffsets ? 8 : 4);
}
