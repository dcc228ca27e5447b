/** The recipes of int8 and int4: how many bits and how long blocks each matrix of each layer has. Does not know numbers or files. */
import type { ModelConfig } from "../config/config.js";
import { axisUnit } from "../split/rank-region.js";
import type { ComputeType, QuantType } from "./compute-type.js";
import { MATRICES, type Matrix, matrixPart, partMatrices } from "./matrices.js";
import type { QuantFormat } from "./quantize.js";
import type { Stage } from "./step-plan.js";
import { STORED_BLOCK } from "./stored-blocks.js";

/** Changes whenever a recipe, or the search for scales, gives other numbers: weights and keys that were kept are then not used. */
export const RECIPE_VERSION = 2;

/**
 * How a matrix of a layer is quantised. Blocks of 128 are the fastest. If ranks split the columns, the block size divides the
 * unit of the split, so that any number of ranks has the same quantised weights (except for a headDim of 8: the kernel's
 * smallest block is 16). Blocks that the file has are kept, if ranks do not divide them.
 */
export function quantFormat(matrix: Matrix, _layer: number, config: ModelConfig, type: QuantType): QuantFormat {
  const unit = axisUnit(matrix.tensors[0].axes.at(-1)!, config) ?? 128;
  const largest = type === "int8" || matrixPart(matrix) === "head" ? 8 : 4;
  const stored = config.storedBlocks?.[matrix.name];
  if (stored !== undefined && stored.bits <= largest && unit % STORED_BLOCK === 0) {
    return { bits: largest, blockSize: STORED_BLOCK, isStored: true, ...(stored.hasOffsets && { hasOffsets: true }) };
  }
  const blockSize = ([128, 64, 32] as const).find((size) => unit % size === 0) ?? 16;
  if (largest === 8) return { bits: 8, blockSize };
  return { bits: 4, blockSize };
}

/** Stages with the same key have the same graph, with the weights of other layers. */
export function graphKey({ name, parts }: Stage, config: ModelConfig, type: ComputeType): string {
  if (type === "fp32") return name;
  const formats = parts.flatMap(({ part, layer }) =>
    partMatrices(part).map((matrix) => quantFormat(matrix, layer, config, type)),
  );
  return `${name} ${JSON.stringify(formats)}`;
}

/** Names of the matrices whose blocks in the files are handed on as they are in a type. */
export function storedMatrices(config: ModelConfig, type: QuantType): string[] {
  const matrices = Object.values(MATRICES).filter((matrix) => quantFormat(matrix, 0, config, type).isStored);
  return matrices.map(({ name }) => name);
}

/** The type in which the files' own blocks of all matrices, except perhaps the head's, are handed on; null if there is no such type. */
export function storedType(config: ModelConfig): QuantType | null {
  const matrices = Object.values(MATRICES).filter((matrix) => matrixPart(matrix) !== "head");
  const types = ["int4", "int8"] as const;
  return types.find((type) => matrices.every((matrix) => quantFormat(matrix, 0, config, type).isStored)) ?? null;
}
