/** Estimates from shapes how much memory a model needs to load and run. Does not know files or the machine. */
import type { ComputeType } from "../architecture/compute-type.js";
import type { Part } from "../architecture/matrices.js";
import type { ModelConfig } from "../config/config.js";
import { partition, type RankShare } from "../split/partition.js";
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
const PREPACKED_SHARE = { fp32: 0, int8: 0.1, int4: 0.2 };
/** What the runtime needs to make the last stage while all others are in memory, and to write the largest stage to the weight cache, as multiples of the stage's bytes. */
const MAKING = 2.8;
const WRITING = 5.2;
/** Maximum number of tokens that the engine runs in one step: bounds activations, sums and their buffers. */
export const STEP_TOKENS = 256;

/** Peak bytes of a model on `worldSize` ranks with one sequence of `tokens` tokens: the larger of its first load and running. */
export function memoryNeed(config: ModelConfig, worldSize: number, dtype: ComputeType, tokens: number): MemoryNeed {
  const shares = partition(config, worldSize);
  const parts = shares.map((share) => shareBytesPerToken(config, share, dtype));
  const weights = parts.reduce((sum, part) => sum + part.weights, 0);
  const token = parts.reduce((sum, part) => sum + part.position, 0);
  const context = token * tokens;
  const held = weights * (1 + PREPACKED_SHARE[dtype]);
  const steps = shares.reduce((sum, share) => sum + stepBytes(config, share), 0);
  const highest = Math.max(loadingBytes(config, shares, dtype, held), held + context + steps);
  const total = Math.round(PROCESS_BYTES + worldSize * RANK_BYTES + highest);
  const weightsOfRank = Math.max(...parts.map((part) => part.weights));
  return { weightsOfRank, weights, token, context, working: total - weights - context, total };
}

/** Peak bytes of loading, including the weights. fp32 weights are read into place; quantised ones are copied while the runtime makes its stages. */
function loadingBytes(config: ModelConfig, shares: readonly RankShare[], dtype: ComputeType, held: number): number {
  if (dtype === "fp32") return held;
  const ofRanks = (...parts: Part[]) =>
    shares.reduce((sum, share) => sum + parts.reduce((all, part) => all + partBytes(part, config, share, dtype), 0), 0);
  const head = ofRanks("head");
  // A single rank has all parts of a layer in one stage.
  const layer = shares.length === 1 ? ofRanks("qkv", "wo", "ffn") : ofRanks("ffn");
  return Math.max(held + MAKING * head, WRITING * Math.max(head, layer));
}

/** Peak bytes of a step, which it reaches in the feed-forward block: its input and sums, and w1, w3 and their product. */
function stepBytes({ dim }: ModelConfig, { ffn }: RankShare): number {
  return STEP_TOKENS * 4 * (5 * dim + 3 * (ffn.end - ffn.start));
}
