/** What a model takes in memory while it runs, from shapes alone. Knows no file, and not what the machine has. */
import type { ComputeType } from "../architecture/compute-type.js";
import type { Part } from "../architecture/matrices.js";
import type { ModelConfig } from "../config/config.js";
import { partition, type RankShare } from "../split/partition.js";
import { partBytes, shareBytesPerToken } from "./bytes-per-token.js";

export interface MemoryNeed {
  /** Matrices and norms of the rank that has most. */
  weightsOfRank: number;
  /** Matrices and norms of all ranks. */
  weights: number;
  /** Keys and values of one token over all layers and ranks. */
  token: number;
  /** Keys and values of a whole context. */
  context: number;
  /** The process and its threads; beyond weights and context, what loading or a step takes, whichever is more. */
  working: number;
  /** All of it. */
  total: number;
}

/** Node, the runtime and the tokenizer; and what each further thread with its sessions adds. Measured on Linux x64. */
const PROCESS_BYTES = 100e6;
const RANK_BYTES = 15e6;
/** What quantised weights take beyond themselves: sums of blocks that the kernel adds, and what prepacking leaves in the allocator. */
const PREPACKED_SHARE = { fp32: 0, int8: 0.1, int4: 0.2 };
/** What the runtime takes to make the last stage beside all others, and to write the largest one to the cache, each by the stage's bytes. */
const MAKING = 2.8;
const WRITING = 5.2;
/** Tokens that the engine runs in one step at most: bounds activations, sums and the buffers of both. */
export const STEP_TOKENS = 256;

/** Bytes of a model that is divided over so many ranks, with one sequence of `tokens` tokens, at the height of its first start. */
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

/** What loading takes at most, the weights included. fp32 is read into its place; quantised, the runtime makes stages of bytes given. */
function loadingBytes(config: ModelConfig, shares: readonly RankShare[], dtype: ComputeType, held: number): number {
  if (dtype === "fp32") return held;
  const ofRanks = (...parts: Part[]) =>
    shares.reduce((sum, share) => sum + parts.reduce((all, part) => all + partBytes(part, config, share, dtype), 0), 0);
  const head = ofRanks("head");
  // A rank that is alone has the parts of a layer in one stage.
  const layer = shares.length === 1 ? ofRanks("qkv", "wo", "ffn") : ofRanks("ffn");
  return Math.max(held + MAKING * head, WRITING * Math.max(head, layer));
}

/** What a step holds at its widest, in the feed-forward block: its input and sums, and w1, w3 and their product. */
function stepBytes({ dim }: ModelConfig, { ffn }: RankShare): number {
  return STEP_TOKENS * 4 * (5 * dim + 3 * (ffn.end - ffn.start));
}
