/** Where the keys and values of a layer are in a page, the unit in which a KV cache grows. Does not know sequences. */
import { lengthOf } from "../../formats/tensor/range.js";
import type { KvType } from "../../model/architecture/kv-type.js";
import type { ModelConfig } from "../../model/config/config.js";
import type { RankShare } from "../../model/split/partition.js";

/** Tokens of a page; the kernel has the same number. */
export const PAGE_TOKENS = 64;
/** The kernel reads heads whose size is a multiple of this; smaller ones are followed by zeros. */
const WIDTH_UNIT = 16;

/**
 * A page holds, for each KV head of a rank, keys [64, width] and values: fp32 [64, width], or int8 in pairs of tokens
 * [32, width, 2], followed by the fp32 scales of keys [64] and of values [64].
 */
export interface PageLayout {
  type: KvType;
  kvHeads: number;
  /** Query heads of each KV head. */
  ratio: number;
  headDim: number;
  /** Numbers of a stored row of a head: headDim, rounded up. */
  width: number;
  /** Bytes of the keys (or values) of one head. */
  matrixBytes: number;
  headBytes: number;
  pageBytes: number;
}

export function pageLayout(
  { headDim }: Pick<ModelConfig, "headDim">,
  share: Pick<RankShare, "qHeads" | "kvHeads">,
  type: KvType,
): PageLayout {
  const kvHeads = lengthOf(share.kvHeads);
  const width = Math.ceil(headDim / WIDTH_UNIT) * WIDTH_UNIT;
  const matrixBytes = PAGE_TOKENS * width * (type === "int8" ? 1 : 4);
  const headBytes = 2 * matrixBytes + (type === "int8" ? 2 * PAGE_TOKENS * 4 : 0);
  // A share has part of one KV head's queries, or whole groups of queries: every KV head has the same number of them.
  const ratio = lengthOf(share.qHeads) / kvHeads;
  return { type, kvHeads, ratio, headDim, width, matrixBytes, headBytes, pageBytes: kvHeads * headBytes };
}
