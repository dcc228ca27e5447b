/** Estimates from shapes how much memory a model needs to load and run. Does not know files or the machine. */
import { lengthOf } from "../../formats/tensor/range.js";
import type { ComputeType } from "../architecture/compute-type.js";
import { chooseKvType, type KvType } from "../architecture/kv-type.js";
import { planStep, type Stage, stagesOf } from "../architecture/step-plan.js";
import type { ModelConfig } from "../config/config.js";
import { allLayers, partition, type RankShare } from "../split/partition.js";
import { partBytes, shareBytesPerToken } from "./bytes-per-token.js";

export interface MemoryNeed {
  /** Matrices and norms of the rank that has the most. In bytes, as all numbers here. */
  weightsOfRank: number;
  /** Matrices and norms of all ranks. */
  weights: number;
  /** Keys and values of one token over all layers and ranks. */
  token: number;
  /** Keys and values of a whole context. */
  context: number;
  /** The process and its threads, and the larger of what loading and what a step need beyond weights and context. */
  working: number;
  /** The sum of weights, context and working memory. */
  total: number;
}

/** Node, the runtime and the tokenizer; and what each rank adds with its thread and sessions. Measured on Linux x64. */
const PROCESS_BYTES = 100e6;
const RANK_BYTES = 15e6;
/** What quantised weights need in addition, as a fraction: the kernel's sums of blocks, and what prepacking leaves in the allocator. */
export const PREPACKED_SHARE = { fp32: 0, int8: 0.1, int4: 0.09 };
/** What the runtime needs to make the last stage while all others are in memory, and to write the largest stage to the weight cache, as multiples of the stage's bytes. */
const MAKING = 2.8;
const WRITING = 5.2;

/**
 * Peak bytes of a model on `worldSize` ranks with one sequence of `tokens` tokens, and with steps of at most `stepTokens`
 * tokens: the larger of its first load and running.
 */
export function memoryNeed(
  config: ModelConfig,
  worldSize: number,
  dtype: ComputeType,
  tokens: number,
  stepTokens: number,
  layers = allLayers(config),
  kvType: KvType = chooseKvType(dtype, config),
): MemoryNeed {
  const shares = partition(config, worldSize, layers);
  const parts = shares.map((share) => shareBytesPerToken(config, share, dtype, kvType));
  const weights = parts.reduce((sum, part) => sum + part.weights, 0);
  const token = parts.reduce((sum, part) => sum + part.position, 0);
  const context = token * tokens;
  const held = weights * (1 + PREPACKED_SHARE[dtype]);
  const steps = shares.reduce((sum, share) => sum + stepTokens * tokenBytes(config, share), 0);
  const highest = Math.max(loadingBytes(config, shares, dtype, held), held + context + steps);
  const total = Math.round(PROCESS_BYTES + worldSize * RANK_BYTES + highest);
  const weightsOfRank = Math.max(...parts.map((part) => part.weights));
  return { weightsOfRank, weights, token, context, working: total - weights - context, total };
}

/** Peak bytes of loading, including the weights. fp32 weights are read into place; quantised ones are copied while the runtime makes its stages. */
function loadingBytes(config: ModelConfig, shares: readonly RankShare[], dtype: ComputeType, held: number): number {
  if (dtype === "fp32") return held;
  const stages = stagesOf(planStep(config, shares[0]!.layers, shares.length));
  const ofRanks = ({ parts }: Stage) =>
    shares.reduce(
      (sum, share) =>
        sum + parts.reduce((all, { part, layer }) => all + partBytes(part, layer, config, share, dtype), 0),
      0,
    );
  const largest = Math.max(...stages.map(ofRanks));
  return Math.max(held + MAKING * ofRanks(stages.at(-1)!), WRITING * largest);
}

/** Peak bytes that a step needs for a token, reached in the feed-forward block: its input and sums, and w1, w3 and their product. */
function tokenBytes({ dim }: ModelConfig, { ffn }: RankShare): number {
  return 4 * (5 * dim + 3 * lengthOf(ffn));
}
