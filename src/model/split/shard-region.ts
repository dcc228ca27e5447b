/** Says which rows and columns of each tensor one share of the model needs. Does not know bytes or threads. */
import type { Range } from "../../formats/tensor/range.js";
import type { ModelConfig } from "../config/config.js";
import type { RankShare } from "./partition.js";

export interface Region {
  rows: Range;
  columns: Range;
}

/**
 * The region of a tensor that a share uses, in the layout of the file ([out, in]).
 * Column-parallel weights are split by rows, row-parallel ones by columns (fairscale, nn/model_parallel/layers.py);
 * a norm counts as one row. For the embedding it is the part that this rank loads into the shared table.
 */
export function tensorRegion(name: string, config: ModelConfig, share: RankShare): Region {
  const { dim, headDim } = config;
  const heads = (range: Range): Range => ({ start: range.start * headDim, end: range.end * headDim });
  const all: Range = { start: 0, end: dim };
  switch (name.split(".").at(-2)) {
    case "wq":
      return { rows: heads(share.qHeads), columns: all };
    case "wk":
    case "wv":
      return { rows: heads(share.kvHeads), columns: all };
    case "wo":
      return { rows: all, columns: heads(share.qHeads) };
    case "w1":
    case "w3":
      return { rows: share.ffn, columns: all };
    case "w2":
      return { rows: all, columns: share.ffn };
    case "output":
    case "tok_embeddings":
      return { rows: share.vocab, columns: all };
    default:
      return { rows: { start: 0, end: 1 }, columns: all };
  }
}
