/** The tensors of a LLaMA model: Meta's names, full shapes, and how fairscale splits each over shards. Does not know files. */
import type { ModelConfig } from "../config/config.js";

/**
 * How shards hold a tensor: split by rows (axis 0) or columns (axis 1), or each shard has all of it.
 * Llama 1 and 2 split the embedding by columns (ParallelEmbedding), Llama 3 and later by rows (VocabParallelEmbedding).
 */
export type Split = "rows" | "columns" | "replicated" | "embedding";

export interface TensorSpec {
  name: string;
  /** Full shape, [out, in] for a matrix. */
  shape: readonly number[];
  split: Split;
}

/** Meta's name of a layer's weight, e.g. layerTensor(0, "attention.wq"). */
export function layerTensor(layer: number, part: string): string {
  return `layers.${layer}.${part}.weight`;
}

/** Names for a message: the first three, and the number of the others. */
export function firstFew(names: readonly string[]): string {
  const rest = names.length - 3;
  return names.slice(0, 3).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

/** Every tensor a checkpoint of this config must have, in the order of Meta's modules. */
export function tensorTable(config: ModelConfig): TensorSpec[] {
  const { dim, ffnDim, headDim, nHeads, nKvHeads, nLayers, vocabSize } = config;
  const table: TensorSpec[] = [{ name: "tok_embeddings.weight", shape: [vocabSize, dim], split: "embedding" }];
  for (let layer = 0; layer < nLayers; layer++) {
    table.push(
      { name: layerTensor(layer, "attention.wq"), shape: [nHeads * headDim, dim], split: "rows" },
      { name: layerTensor(layer, "attention.wk"), shape: [nKvHeads * headDim, dim], split: "rows" },
      { name: layerTensor(layer, "attention.wv"), shape: [nKvHeads * headDim, dim], split: "rows" },
      { name: layerTensor(layer, "attention.wo"), shape: [dim, nHeads * headDim], split: "columns" },
      { name: layerTensor(layer, "feed_forward.w1"), shape: [ffnDim, dim], split: "rows" },
      { name: layerTensor(layer, "feed_forward.w2"), shape: [dim, ffnDim], split: "columns" },
      { name: layerTensor(layer, "feed_forward.w3"), shape: [ffnDim, dim], split: "rows" },
      { name: layerTensor(layer, "attention_norm"), shape: [dim], split: "replicated" },
      { name: layerTensor(layer, "ffn_norm"), shape: [dim], split: "replicated" },
    );
  }
  table.push(
    { name: "norm.weight", shape: [dim], split: "replicated" },
    { name: "output.weight", shape: [vocabSize, dim], split: "rows" },
  );
  return table;
}

/** Whether a tensor in Meta's files is not needed: rotation frequencies, which are computed instead. */
export function isIgnoredTensor(name: string): boolean {
  return /^(?:layers\.\d+\.attention\.inner_attention\.)?rope\.freqs$/.test(name);
}
