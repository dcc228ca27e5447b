/** The tensors of a LLaMA model: names, axes, how files split them, and the part each belongs to. Does not know files. */
import type { ModelConfig } from "../config/config.js";
import { type Axes, axisSize } from "../split/rank-region.js";

/**
 * Pieces of the model, in the order of the forward pass (Meta's model.py, Transformer and TransformerBlock):
 * - embed: the embedding of the tokens
 * - qkv: attention_norm, wq wk wv, rotary embedding of q and k
 * - wo: the output projection of attention
 * - ffn: ffn_norm, w2(silu(w1 x) * w3 x)
 * - head: norm and the output projection to logits
 * Every layer has qkv, wo and ffn.
 */
export type Part = "embed" | "qkv" | "wo" | "ffn" | "head";

/**
 * How shards hold a tensor: split by rows (axis 0) or columns (axis 1), or each shard has all of it.
 * Llama 1 and 2 split the embedding by columns (ParallelEmbedding), Llama 3 and later by rows (VocabParallelEmbedding).
 */
export type Split = "rows" | "columns" | "replicated" | "embedding";

/** What all layers have in common about a tensor. Its axes give its shape, and what each rank has of it. */
export interface TensorKind {
  /** Meta's name, without layer and ".weight". */
  meta: string;
  /** Hugging Face's name, without layer and ".weight". */
  huggingFace: string;
  axes: Axes;
  split: Split;
  part: Part;
}

/** All tensors, in the order of Meta's modules. */
export const TENSORS = {
  embedding: kind("tok_embeddings", "model.embed_tokens", ["vocab", "dim"], "embedding", "embed"),
  wq: kind("attention.wq", "self_attn.q_proj", ["qHeads", "dim"], "rows", "qkv"),
  wk: kind("attention.wk", "self_attn.k_proj", ["kvHeads", "dim"], "rows", "qkv"),
  wv: kind("attention.wv", "self_attn.v_proj", ["kvHeads", "dim"], "rows", "qkv"),
  wo: kind("attention.wo", "self_attn.o_proj", ["dim", "qHeads"], "columns", "wo"),
  w1: kind("feed_forward.w1", "mlp.gate_proj", ["ffn", "dim"], "rows", "ffn"),
  w2: kind("feed_forward.w2", "mlp.down_proj", ["dim", "ffn"], "columns", "ffn"),
  w3: kind("feed_forward.w3", "mlp.up_proj", ["ffn", "dim"], "rows", "ffn"),
  attentionNorm: kind("attention_norm", "input_layernorm", ["dim"], "replicated", "qkv"),
  ffnNorm: kind("ffn_norm", "post_attention_layernorm", ["dim"], "replicated", "ffn"),
  norm: kind("norm", "model.norm", ["dim"], "replicated", "head"),
  output: kind("output", "lm_head", ["vocab", "dim"], "rows", "head"),
} as const;

const KINDS: readonly TensorKind[] = Object.values(TENSORS);

/** One tensor of a checkpoint. */
export interface TensorSpec {
  kind: TensorKind;
  /** Meta's full name. */
  name: string;
  /** Hugging Face's full name. */
  hfName: string;
  /** Full shape, [out, in] for a matrix. */
  shape: readonly number[];
  split: Split;
}

/** Meta's full name of a tensor; `layer` is ignored if the tensor does not belong to a layer. */
export function tensorName({ meta, part }: TensorKind, layer: number): string {
  return isInLayer(part) ? `layers.${layer}.${meta}.weight` : `${meta}.weight`;
}

/** Hugging Face's full name of a tensor. */
export function hfName({ huggingFace, part }: TensorKind, layer: number): string {
  return isInLayer(part) ? `model.layers.${layer}.${huggingFace}.weight` : `${huggingFace}.weight`;
}

/** Every tensor a checkpoint of this config must have, in the order of Meta's modules. */
export function tensorTable(config: ModelConfig): TensorSpec[] {
  const spec = (tensor: TensorKind, layer: number): TensorSpec => ({
    kind: tensor,
    name: tensorName(tensor, layer),
    hfName: hfName(tensor, layer),
    shape: tensor.axes.map((axis) => axisSize(axis, config)),
    split: tensor.split,
  });
  const ofPart = (isWanted: (part: Part) => boolean, layer: number) =>
    KINDS.filter(({ part }) => isWanted(part)).map((tensor) => spec(tensor, layer));
  const layers = Array.from({ length: config.nLayers }, (_, layer) => ofPart(isInLayer, layer));
  return [
    ...ofPart((part) => part === "embed", 0),
    ...layers.flat(),
    ...ofPart((part) => part === "head", config.nLayers),
  ];
}

/** The norms of a part, which every rank has whole. */
export function partNorms(part: Part): TensorKind[] {
  return KINDS.filter((tensor) => tensor.part === part && tensor.axes.length === 1);
}

/** Whether a tensor in Meta's files is not needed: rotation frequencies, which are computed instead. */
export function isIgnoredTensor(name: string): boolean {
  return /^(?:layers\.\d+\.attention\.inner_attention\.)?rope\.freqs$/.test(name);
}

/** Whether every layer has the part. */
function isInLayer(part: Part): boolean {
  return part !== "embed" && part !== "head";
}

function kind(meta: string, huggingFace: string, axes: Axes, split: Split, part: Part): TensorKind {
  return { meta, huggingFace, axes, split, part };
}
