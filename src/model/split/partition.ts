/** Divides the heads, the feed-forward width and the vocabulary of a model over ranks. Does not know tensors. */
import { LlamaError } from "../../error.js";
import type { Range } from "../../formats/tensor/range.js";
import type { ModelConfig } from "../config/config.js";

/** What one rank computes. */
export interface RankShare {
  /** The same for all ranks. The first layer brings the embedding, the last one the head. */
  layers: Range;
  /** Whole groups (all query heads of each of `kvHeads`), or part of the group of a single KV head. */
  qHeads: Range;
  /** KV heads that `qHeads` need; a KV head may belong to several ranks. */
  kvHeads: Range;
  /** Columns of the feed-forward block. */
  ffn: Range;
  /** Rows of the output matrix. */
  vocab: Range;
}

/** The range of all layers. */
export function allLayers({ nLayers }: ModelConfig): Range {
  return { start: 0, end: nLayers };
}

/** Number of feed-forward columns that stay together on a rank, so that no block of quantised weights is divided. */
export function ffnUnit(ffnDim: number): 128 | 64 | 32 | 16 {
  return ([128, 64, 32] as const).find((unit) => ffnDim >= 16 * unit) ?? 16;
}

/**
 * Divides a model, or a range of its layers, over `worldSize` ranks, in rank order. Unlike in fairscale, the shares need not be equal: a sum of
 * partial products over ranks is correct for any division. Throws a LlamaError if the model is too narrow.
 */
export function partition(config: ModelConfig, worldSize: number, layers = allLayers(config)): RankShare[] {
  const { ffnDim, nHeads, vocabSize } = config;
  if (!Number.isInteger(worldSize) || worldSize < 1 || worldSize > nHeads) {
    throw new LlamaError("usage", "the model cannot be divided over this number of processes", {
      expected: nHeads === 1 ? "1 (the model has one attention head)" : `1 to ${nHeads} (one per attention head)`,
      found: String(worldSize),
    });
  }
  if (ffnDim < worldSize || vocabSize < worldSize) {
    throw new LlamaError("usage", "the model is too narrow for this number of processes", {
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
  return divideHeads(config, worldSize).map((heads, rank) => ({
    ...{ layers, ...heads },
    ...{ ffn: ffn[rank]!, vocab: vocab[rank]! },
  }));
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

/** Divides 0..total into contiguous ranges whose lengths differ by at most one. */
function divide(total: number, parts: number): Range[] {
  const cut = (part: number) => Math.floor((part * total) / parts);
  return Array.from({ length: parts }, (_, part) => ({ start: cut(part), end: cut(part + 1) }));
}
