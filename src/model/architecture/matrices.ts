/** The matrices that a model multiplies with: tensors of the checkpoint, stacked if they have the same input, and its norms and biases. Does not know numbers. */
import { lengthOf } from "../../formats/tensor/range.js";
import type { ModelConfig } from "../config/config.js";
import type { RankShare } from "../split/partition.js";
import { tensorRegion } from "../split/rank-region.js";
import { hasTensor, type Part, TENSORS, type TensorKind } from "./tensor-table.js";

/** Tensors [out, in] of one part, stacked along their rows into one matrix. */
export interface Matrix {
  name: string;
  tensors: readonly [TensorKind, ...TensorKind[]];
  /** The bias of each tensor, in models that have them. */
  biases?: readonly [TensorKind, ...TensorKind[]];
}

/** The matrices, in the order of the forward pass, named after their tensors. */
export const MATRICES = {
  wqkv: {
    ...{ name: "attention.wqkv", tensors: [TENSORS.wq, TENSORS.wk, TENSORS.wv] },
    biases: [TENSORS.wqBias, TENSORS.wkBias, TENSORS.wvBias],
  },
  wo: { name: "attention.wo", tensors: [TENSORS.wo], biases: [TENSORS.woBias] },
  w13: {
    ...{ name: "feed_forward.w13", tensors: [TENSORS.w1, TENSORS.w3] },
    biases: [TENSORS.w1Bias, TENSORS.w3Bias],
  },
  w2: { name: "feed_forward.w2", tensors: [TENSORS.w2], biases: [TENSORS.w2Bias] },
  output: { name: "output", tensors: [TENSORS.output] },
} as const satisfies Record<string, Matrix>;

/** The part a matrix belongs to. */
export function matrixPart({ tensors }: Matrix): Part {
  return tensors[0].part;
}

/** The matrices of a part; the embedding has none, because its rows are only looked up. */
export function partMatrices(part: Part): Matrix[] {
  return Object.values(MATRICES).filter((matrix) => matrixPart(matrix) === part);
}

/** Norms or biases [n] of one part, one after another. */
export interface Vector {
  name: string;
  tensors: readonly [TensorKind, ...TensorKind[]];
}

/** Numbers of a share of a vector. */
export function vectorLength({ tensors }: Vector, config: ModelConfig, share: RankShare): number {
  return tensors.reduce((sum, { axes }) => sum + lengthOf(tensorRegion(axes, config, share).columns), 0);
}

/**
 * The biases that a share adds to its product with a matrix; null if the model has none. If ranks have a share of the columns
 * each, only the first adds the bias: their products are summed.
 */
export function biasOf({ name, biases }: Matrix, config: ModelConfig, share: RankShare): Vector | null {
  if (!biases || !hasTensor(config, biases[0])) return null;
  if (biases[0].split === "replicated" && share.qHeads.start > 0) return null;
  return { name: `${name}.bias`, tensors: biases };
}

/** Rows and columns of a share of a matrix: [out, in]. */
export function matrixShape({ tensors }: Matrix, config: ModelConfig, share: RankShare): [number, number] {
  const regions = tensors.map(({ axes }) => tensorRegion(axes, config, share));
  return [regions.reduce((sum, { rows }) => sum + lengthOf(rows), 0), lengthOf(regions[0]!.columns)];
}
