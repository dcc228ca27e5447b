/** Computes from shapes how many bytes of weights and KV cache a token reads. Does not know files or time. */
import { lengthOf } from "../../formats/tensor/range.js";
import type { ComputeType } from "../architecture/compute-type.js";
import { chooseKvType, type KvType, kvHeadBytes } from "../architecture/kv-type.js";
import { type Matrix, matrixShape, partMatrices } from "../architecture/matrices.js";
import { quantizedSize } from "../architecture/quantize.js";
import { productsOf, quantFormat } from "../architecture/recipe.js";
import { PARTS, partCount } from "../architecture/step-plan.js";
import { type Part, partVectors } from "../architecture/tensor-table.js";
import type { ModelConfig } from "../config/config.js";
import { partition, type RankShare } from "../split/partition.js";
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
    const { start } = share.layers;
    for (let layer = start; layer < start + partCount(part, config, share.layers); layer++) {
      weights += partBytes(part, layer, config, share, dtype);
      for (const { axes } of partVectors(part, config)) {
        weights += lengthOf(tensorRegion(axes, config, share).columns) * 4;
      }
    }
  }
  const heads = lengthOf(share.layers) * lengthOf(share.kvHeads);
  return { weights, position: heads * 2 * kvHeadBytes(config.headDim, kvType) };
}

/** Bytes of the matrices of one part of one layer in a share; the head counts as a layer after the last. */
export function partBytes(
  part: Part,
  layer: number,
  config: ModelConfig,
  share: RankShare,
  dtype: ComputeType,
): number {
  return partMatrices(part).reduce((sum, matrix) => sum + matrixBytes(matrix, layer, config, share, dtype), 0);
}

function matrixBytes(matrix: Matrix, layer: number, config: ModelConfig, share: RankShare, dtype: ComputeType): number {
  let bytes = 0;
  for (const product of productsOf(matrix, layer, config, dtype)) {
    const [rows, columns] = matrixShape(product, config, share);
    if (dtype === "fp32") {
      bytes += rows * columns * 4;
      continue;
    }
    const format = quantFormat(product, layer, config, dtype);
    const { packedBytes, scaleCount, zeroBytes } = quantizedSize(rows, columns, format);
    bytes += packedBytes + zeroBytes + scaleCount * (format.hasOffsets ? 8 : 4);
  }
  return bytes;
}

/** Stored bits for each weight of the layers' matrices, with their scales, zero points and padding. */
export function bitsPerWeight(config: ModelConfig, dtype: ComputeType): number {
  const [share] = partition(config, 1);
  let bytes = 0;
  let weights = 0;
  for (let layer = 0; layer < config.nLayers; layer++) {
    for (const part of ["qkv", "wo", "ffn"] as const) {
      bytes += partBytes(part, layer, config, share!, dtype);
      weights += partBytes(part, layer, config, share!, "fp32") / 4;
    }
  }
  return (8 * bytes) / weights;
}
