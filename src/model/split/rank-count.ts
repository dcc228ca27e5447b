/** Chooses the number of ranks for a model: the maximum, and the default. Does not know what each rank computes. */
import type { ModelConfig } from "../config/config.js";

/** The largest number of ranks a model can be divided over: one per attention head, or fewer if the model is narrower elsewhere. */
export function maxRanks({ ffnDim, nHeads, vocabSize }: ModelConfig): number {
  return Math.min(nHeads, ffnDim, vocabSize);
}

/** Narrower models lose more time to communication between ranks than ranks save. */
const MIN_SHARED_DIM = 1024;
/** Maximum number of ranks that "auto" chooses: every rank adds the results of all others, in JavaScript. */
const MAX_AUTO_RANKS = 16;

/**
 * The default number of ranks. Quantised: one per core, as far as the heads divide well, since a rank with one thread need
 * not wake others. fp32: one per file, as in Meta's launcher, if each can have a core; otherwise one.
 */
export function autoWorldSize(config: ModelConfig, cores: number, fileCount: number, isQuantized: boolean): number {
  const { dim, nHeads, ffnDim, vocabSize } = config;
  if (!isQuantized || dim < MIN_SHARED_DIM) return fileCount <= cores && fileCount <= nHeads ? fileCount : 1;
  const most = Math.min(cores, nHeads, ffnDim, vocabSize, MAX_AUTO_RANKS);
  // The other ranks wait for the rank with the most heads.
  let ranks = 1;
  for (let count = 2; count <= most; count++) {
    if (Math.ceil(nHeads / count) < Math.ceil(nHeads / ranks)) ranks = count;
  }
  return ranks;
}
