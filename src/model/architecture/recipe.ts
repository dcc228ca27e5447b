/** The recipes of int8 and int4: how many bits and how long blocks each matrix of each layer has. Does not know numbers or files. */
import type { ModelConfig } from "../config/config.js";
import { partition } from "../split/partition.js";
import { axisUnit } from "../split/rank-region.js";
import type { ComputeType, QuantType } from "./compute-type.js";
import { MATRICES, type Matrix, matrixPart, matrixShape, partMatrices } from "./matrices.js";
import { type QuantFormat, quantizedSize } from "./quantize.js";
import type { Stage } from "./step-plan.js";
import { STORED_BLOCK } from "./stored-blocks.js";
import { TENSORS } from "./tensor-table.js";

/** Changes whenever a recipe, or the search for scales, gives other numbers: weights and keys that were kept are then not used. */
export const RECIPE_VERSION = 4;

/** Bits for each weight of the layers in int4, with scales and zero points; what the 4-bit blocks leave is for 8-bit ones. */
const INT4_BITS = 4.85;
/** Narrower models lose more to rounding, and gain less: their int8 has blocks. */
const LEAST_ROW_DIM = 1024;
/** The stream of int8 rows is turned in blocks of at least this length. */
const LEAST_ROW_TURN = 256;
/** Longest blocks in which the input of w2 is turned while the model runs, and the shortest that are of use. */
const INPUT_TURN = { longest: 128, shortest: 16 };
/** The tensors of wqkv where wv has 8 bits and the others 4. */
const WQK: Matrix = { name: "attention.wqk", tensors: [TENSORS.wq, TENSORS.wk] };
const WV: Matrix = { name: "attention.wv", tensors: [TENSORS.wv] };
/** Block sizes of the kernel; the longest is the fastest. */
const SIZES = [128, 64, 32, 16] as const;

/**
 * How a matrix of a layer is quantised. Blocks that the file has are kept, if ranks do not divide them. Others are as long as
 * possible. Where ranks split the columns, their length divides the unit of the split, so that any number of ranks has the same
 * quantised weights (except for a headDim of 8: the kernel's smallest block is 16).
 */
export function quantFormat(matrix: Matrix, layer: number, config: ModelConfig, type: QuantType): QuantFormat {
  const largest = type === "int8" || matrixPart(matrix) === "head" ? 8 : 4;
  const stored = config.storedBlocks?.[matrix.name];
  if (stored !== undefined && stored.bits <= largest && columnUnit(matrix, config) % STORED_BLOCK === 0) {
    return { bits: largest, blockSize: STORED_BLOCK, isStored: true, ...(stored.hasOffsets && { hasOffsets: true }) };
  }
  if (largest === 8) {
    if (matrix === MATRICES.w13 && hasRows(config, type)) return { bits: 8, blockSize: "row" };
    const inputTurn = type === "int8" ? inputTurnOf(matrix, config) : 0;
    // Very narrow models lose more by long blocks than they gain.
    const longest = type === "int8" ? Math.max(32, config.dim / 4) : 128;
    if (inputTurn > 0) return { bits: 8, blockSize: blockOf(matrix, config, longest), inputTurn };
    return { bits: 8, blockSize: blockOf(matrix, config, hasShortBlocks(matrix, config, type) ? 32 : longest) };
  }
  const isWide = matrix === WV || (matrix === MATRICES.w2 && layerRank(layer, config) < wideLayers(config));
  return { bits: isWide ? 8 : 4, blockSize: blockOf(matrix, config, 128) };
}

/** What a stack is multiplied as: itself, or where its tensors have different bits, one matrix after another. */
export function productsOf(matrix: Matrix, layer: number, config: ModelConfig, type: ComputeType): readonly Matrix[] {
  const isDivided = type === "int4" && matrix === MATRICES.wqkv && !quantFormat(matrix, layer, config, type).isStored;
  return isDivided ? [WQK, WV] : [matrix];
}

/**
 * Whether w13 of int8 has a scale for each row, and its input one for each token: half the arithmetic of blocks, for two fifths of
 * the weights. It needs a stream without channels that are much larger than the others, which is turned (turned-stream.ts). Other
 * matrices lose more by it.
 */
export function hasRows(config: ModelConfig, type: QuantType): boolean {
  if (type !== "int8" || config.dim < LEAST_ROW_DIM || config.dim % LEAST_ROW_TURN !== 0) return false;
  return !config.storedBlocks;
}

/**
 * Length of the blocks in which the input of w2 is turned in the graph: a power of two that divides the columns that stay together
 * on a rank; 0 if that is too short. Other inputs are the stream, or have no such channels.
 */
function inputTurnOf(matrix: Matrix, config: ModelConfig): number {
  if (matrix !== MATRICES.w2 || config.storedBlocks) return 0;
  // The last unit may be a part of one.
  const both = columnUnit(matrix, config) | config.ffnDim;
  const width = Math.min(both & -both, INPUT_TURN.longest);
  return width < INPUT_TURN.shortest ? 0 : width;
}

/** Where the input of w2 cannot be turned, large channels stay in it: its activations need a scale for fewer of them. */
function hasShortBlocks(matrix: Matrix, config: ModelConfig, type: QuantType): boolean {
  return type === "int8" && matrix === MATRICES.w2 && blockOf(MATRICES.w13, config, 128) === 128;
}

function blockOf(matrix: Matrix, config: ModelConfig, longest: number): Exclude<QuantFormat["blockSize"], "row"> {
  return SIZES.find((size) => size <= longest && columnUnit(matrix, config) % size === 0) ?? 16;
}

/** Columns that stay together on a rank. */
function columnUnit({ tensors }: Matrix, config: ModelConfig): number {
  return axisUnit(tensors[0].axes.at(-1)!, config) ?? config.dim;
}

/** The place of a layer in the order in which int4 gives them more bits: alternately from the first and from the last layer. */
function layerRank(layer: number, { nLayers }: ModelConfig): number {
  return Math.min(2 * layer, 2 * (nLayers - 1 - layer) + 1);
}

/** Number of layers whose w2 has 8 bits in int4: as many as fit into INT4_BITS. */
function wideLayers(config: ModelConfig): number {
  const [share] = partition(config, 1);
  let [weights, bits] = [0, 0];
  for (const matrix of [MATRICES.wqkv, MATRICES.wo, MATRICES.w13]) {
    for (const product of productsOf(matrix, 0, config, "int4")) {
      const [rows, columns] = matrixShape(product, config, share!);
      weights += rows * columns;
      bits += storedBits(rows, columns, quantFormat(product, 0, config, "int4"));
    }
  }
  const [rows, columns] = matrixShape(MATRICES.w2, config, share!);
  const blockSize = blockOf(MATRICES.w2, config, 128);
  const [narrow, wide] = ([4, 8] as const).map((bits) => storedBits(rows, columns, { bits, blockSize }));
  const spare = INT4_BITS * (weights + rows * columns) - bits - narrow!;
  return Math.floor((config.nLayers * spare) / (wide! - narrow!));
}

function storedBits(rows: number, columns: number, format: QuantFormat): number {
  const { packedBytes, scaleCount, zeroBytes } = quantizedSize(rows, columns, format);
  return 8 * (packedBytes + zeroBytes + 4 * scaleCount * (format.hasOffsets ? 2 : 1));
}

/** Stages with the same key have the same graph, with the weights of other layers. */
export function graphKey({ name, parts }: Stage, config: ModelConfig, type: ComputeType): string {
  if (type === "fp32") return name;
  const formats = parts.flatMap(({ part, layer }) =>
    partMatrices(part)
      .flatMap((matrix) => productsOf(matrix, layer, config, type))
      .map((matrix) => quantFormat(matrix, layer, config, type)),
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
