/** How many ranks a model is divided over: at most, and where the user names no number. Knows shapes; divides nothing. */
import type { ModelConfig } from "../config/config.js";

/** The largest number of ranks a model can be divided over: one per attention head, where nothing is narrower. */
export function maxRanks({ ffnDim, nHeads, vocabSize }: ModelConfig): number {
  return Math.min(nHeads, ffnDim, vocabSize);
}

/** Narrower models spend more time on the steps between ranks than ranks save. */
const MIN_SHARED_DIM = 1024;
/** Ranks that "auto" chooses at most: every rank adds the parts of all others, in JavaScript. */
const MAX_AUTO_RANKS = 16;

/**
 * Ranks for a checkpoint when the user names none. Quantised: as many as there are cores, as far as heads divide well,
 * since a rank of one thread wakes no others. fp32: one per file, if each can have a core, as Meta's launcher has it; else one.
 */
export function autoWorldSize(config: ModelConfig, cores: number, fileCount: number, isQuantized: boolean): number {
  const { dim, nHeads, ffnDim, vocabSize } = config;
  if (!isQuantized || dim < MIN_SHARED_DIM) return fileCount <= cores && fileCount <= nHeads ? fileCount : 1;
  const most = Math.min(cores, nHeads, ffnDim, vocabSize, MAX_AUTO_RANKS);
  // The rank with the most heads is the one the others wait for.
  let ranks = 1;
  for (let count = 2; count <= most; count++) {
    if (Math.ceil(nHeads / count) < Math.ceil(nHeads / ranks)) ranks = count;
  }
  return ranks;
}
