/** How the heads, the feed-forward width and the vocabulary of a model are divided over ranks. Knows no tensor. */
import { LlamaError } from "../../error.js";
import type { ModelConfig } from "../config/config.js";

/** Half-open range of indices. */
export interface Span {
  start: number;
  end: number;
}

/** What one rank computes. */
export interface RankShare {
  /** Whole groups (all query heads of each of `kvHeads`), or a part of the group of a single KV head. */
  qHeads: Span;
  /** KV heads that `qHeads` need; one may belong to several ranks. */
  kvHeads: Span;
  /** Columns of the feed-forward block. */
  ffn: Span;
  /** Rows of the output matrix. */
  vocab: Span;
}

/** Columns of the feed-forward block that stay together: blocks of quantised weights do not straddle ranks. */
export function ffnUnit(ffnDim: number): 128 | 64 | 32 | 16 {
  return ([128, 64, 32] as const).find((unit) => ffnDim >= 16 * unit) ?? 16;
}

/** The largest number of ranks a model can be divided over: one per attention head, where nothing is narrower. */
export function maxRanks({ ffnDim, nHeads, vocabSize }: ModelConfig): number {
  return Math.min(nHeads, ffnDim, vocabSize);
}

/**
 * Divides a model over `worldSize` ranks, in rank order. Unlike fairscale's, the parts need not be equal:
 * every sum over ranks is one of partial products, right for any cut.
 */
export function partition(config: ModelConfig, worldSize: number): RankShare[] {
  const { ffnDim, nHeads, vocabSize } = config;
  if (!Number.isInteger(worldSize) || worldSize < 1 || worldSize > nHeads) {
    throw new LlamaError("usage", "the number of processes does not fit the model", {
      expected: nHeads === 1 ? "1 (the model has one attention head)" : `1 to ${nHeads} (one per attention head)`,
      found: String(worldSize),
    });
  }
  if (ffnDim < worldSize || vocabSize < worldSize) {
    throw new LlamaError("usage", "the model is too narrow to divide over so many processes", {
      expected: `1 to ${Math.min(ffnDim, vocabSize)}`,
      found: String(worldSize),
    });
  }
  const wanted = ffnUnit(ffnDim);
  const unit = ffnDim >= wanted * worldSize ? wanted : 1;
  const ffn = divide(Math.ceil(ffnDim / unit), worldSize).map(({ start, end }) => ({
    start: start * unit,
    end: Math.min(end * unit, ffnDim),
  }));
  const vocab = divide(vocabSize, worldSize);
  return divideHeads(config, worldSize).map((heads, rank) => ({ ...heads, ffn: ffn[rank]!, vocab: vocab[rank]! }));
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

function divideHeads({ nHeads, nKvHeads }: ModelConfig, worldSize: number): Pick<RankShare, "qHeads" | "kvHeads">[] {
  const group = nHeads / nKvHeads;
  if (worldSize <= nKvHeads) {
    return divide(nKvHeads, worldSize).map((kvHeads) => ({
      kvHeads,
      qHeads: { start: kvHeads.start * group, end: kvHeads.end * group },
    }));
  }
  return divide(worldSize, nKvHeads).flatMap((ranks, kvHead) =>
    divide(group, ranks.end - ranks.start).map(({ start, end }) => ({
      kvHeads: { start: kvHead, end: kvHead + 1 },
      qHeads: { start: kvHead * group + start, end: kvHead * group + end },
    })),
  );
}

/** Cuts 0..total into contiguous spans whose lengths differ by at most one. */
function divide(total: number, parts: number): Span[] {
  const cut = (part: number) => Math.floor((part * total) / parts);
  return Array.from({ length: parts }, (_, part) => ({ start: cut(part), end: cut(part + 1) }));
}
