/** How the heads, the feed-forward width and the vocabulary of a model are divided over ranks. Knows no tensor. */
import { LlamaError } from "../../error.js";
import type { Range } from "../../formats/tensor/range.js";
import type { ModelConfig } from "../config/config.js";

/** What one rank computes. */
export interface RankShare {
  /** Whole groups (all query heads of each of `kvHeads`), or a part of the group of a single KV head. */
  qHeads: Range;
  /** KV heads that `qHeads` need; one may belong to several ranks. */
  kvHeads: Range;
  /** Columns of the feed-forward block. */
  ffn: Range;
  /** Rows of the output matrix. */
  vocab: Range;
}

/** Columns of the feed-forward block that stay together: blocks of quantised weights do not straddle ranks. */
export function ffnUnit(ffnDim: number): 128 | 64 | 32 | 16 {
  return ([128, 64, 32] as const).find((unit) => ffnDim >= 16 * unit) ?? 16;
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
function divide(total: number, parts: number): Range[] {
  const cut = (part: number) => Math.floor((part * total) / parts);
  return Array.from({ length: parts }, (_, part) => ({ start: cut(part), end: cut(part + 1) }));
}
