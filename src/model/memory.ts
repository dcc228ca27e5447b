/** What a model takes in memory while it runs, from shapes alone. Knows no file, and not what the machine has. */

import type { ComputeType } from "./compute-type.js";
import type { ModelConfig } from "./config.js";
import { partition, type RankShare } from "./partition.js";
import { shareTraffic } from "./traffic.js";

export interface MemoryNeed {
  /** Matrices and norms of the rank that has most. */
  weightsOfRank: number;
  /** Matrices and norms of all ranks. */
  weights: number;
  /** Keys and values of one token over all layers and ranks. */
  token: number;
  /** Keys and values of a whole context. */
  context: number;
  /** The process, its threads, and what a step computes with. */
  working: number;
  /** All of it. */
  total: number;
}

/** Node, the runtime and the tokenizer; and what each further thread with its sessions adds. Measured on Linux x64. */
const PROCESS_BYTES = 100e6;
const RANK_BYTES = 15e6;
/** Prepacking quantised weights leaves up to half their size in the allocator (Linux), or held beside them. */
const PREPACKED_SHARE = 0.5;
/** Tokens of a step, which the buffers are as long as. */
const STEP_TOKENS = 256;

/** Bytes of a model that is divided over so many ranks, with one sequence of `tokens` tokens. */
export function memoryNeed(config: ModelConfig, worldSize: number, dtype: ComputeType, tokens: number): MemoryNeed {
  const shares = partition(config, worldSize);
  const parts = shares.map((share) => shareTraffic(config, share, dtype));
  const weights = parts.reduce((sum, part) => sum + part.weights, 0);
  const token = parts.reduce((sum, part) => sum + part.position, 0);
  const context = token * tokens;
  const prepacking = dtype === "fp32" ? 0 : PREPACKED_SHARE * weights;
  const ranks = shares.reduce((sum, share) => sum + RANK_BYTES + stepBytes(config, share), 0);
  const working = Math.round(PROCESS_BYTES + prepacking + ranks);
  const weightsOfRank = Math.max(...parts.map((part) => part.weights));
  return { weightsOfRank, weights, token, context, working, total: weights + context + working };
}

/** What a step holds at its widest, in the feed-forward block: its input and sums, and w1, w3 and their product. */
function stepBytes({ dim }: ModelConfig, { ffn }: RankShare): number {
  return STEP_TOKENS * 4 * (5 * dim + 3 * (ffn.end - ffn.start));
}
