/** The tensors of a LLaMA model and its relatives: names, axes, how files split them, and the part each belongs to. Does not know files. */
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

/** What a model must have so that a tensor is one of its own: biases of some products, or norms of heads. */
type Feature = keyof ModelConfig["biases"] | "headNorms";

/** What all layers have in common about a tensor. Its axes give its shape, and what each rank has of it. */
export interface TensorKind {
  /** Meta's name, without layer and ending; made up for tensors that Meta's files never have. */
  meta: string;
  /** Hugging Face's name, without layer and ending. */
  huggingFace: string;
  /** The name in GGUF files, without layer and ending. */
  gguf: string;
  ending: "weight" | "bias";
  axes: Axes;
  split: Split;
  part: Part;
  /** null: every model has the tensor. */
  feature: Feature | null;
}

const EMBEDDING = kind(["tok_embeddings", "model.embed_tokens", "token_embd"], ["vocab", "dim"], "embedding", "embed");
const WQ = kind(["attention.wq", "self_attn.q_proj", "attn_q"], ["qHeads", "dim"], "rows", "qkv");
const WK = kind(["attention.wk", "self_attn.k_proj", "attn_k"], ["kvHeads", "dim"], "rows", "qkv");
const WV = kind(["attention.wv", "self_attn.v_proj", "attn_v"], ["kvHeads", "dim"], "rows", "qkv");
const WO = kind(["attention.wo", "self_attn.o_proj", "attn_output"], ["dim", "qHeads"], "columns", "wo");
const W1 = kind(["feed_forward.w1", "mlp.gate_proj", "ffn_gate"], ["ffn", "dim"], "rows", "ffn");
const W2 = kind(["feed_forward.w2", "mlp.down_proj", "ffn_down"], ["dim", "ffn"], "columns", "ffn");
const W3 = kind(["feed_forward.w3", "mlp.up_proj", "ffn_up"], ["ffn", "dim"], "rows", "ffn");

/** All tensors, in the order of Meta's modules; in a layer, those of LLaMA's relatives come last. */
export const TENSORS = {
  embedding: EMBEDDING,
  ...{ wq: WQ, wk: WK, wv: WV, wo: WO, w1: W1, w2: W2, w3: W3 },
  attentionNorm: kind(["attention_norm", "input_layernorm", "attn_norm"], ["dim"], "replicated", "qkv"),
  ffnNorm: kind(["ffn_norm", "post_attention_layernorm", "ffn_norm"], ["dim"], "replicated", "ffn"),
  norm: kind(["norm", "model.norm", "output_norm"], ["dim"], "replicated", "head"),
  output: kind(["output", "lm_head", "output"], ["vocab", "dim"], "rows", "head"),
  qNorm: headNorm(["attention.q_norm", "self_attn.q_norm", "attn_q_norm"]),
  kNorm: headNorm(["attention.k_norm", "self_attn.k_norm", "attn_k_norm"]),
  ...{ wqBias: biasOf(WQ, "qkv"), wkBias: biasOf(WK, "qkv"), wvBias: biasOf(WV, "qkv"), woBias: biasOf(WO, "wo") },
  ...{ w1Bias: biasOf(W1, "ffn"), w2Bias: biasOf(W2, "ffn"), w3Bias: biasOf(W3, "ffn") },
} as const satisfies Record<string, TensorKind>;

/** Meta's, Hugging Face's and GGUF's name. */
type Names = readonly [meta: string, huggingFace: string, gguf: string];

const KINDS: readonly TensorKind[] = Object.values(TENSORS);

/** One tensor of a checkpoint. */
export interface TensorSpec {
  kind: TensorKind;
  /** Meta's full name. */
  name: string;
  /** Hugging Face's full name. */
  hfName: string;
  /** The full name in GGUF files. */
  ggufName: string;
  /** Full shape, [out, in] for a matrix. */
  shape: readonly number[];
  split: Split;
}

/** Meta's full name of a tensor; `layer` is ignored if the tensor does not belong to a layer. */
export function tensorName({ meta, ending, part }: TensorKind, layer: number): string {
  return isInLayer(part) ? `layers.${layer}.${meta}.${ending}` : `${meta}.${ending}`;
}

/** Hugging Face's full name of a tensor. */
export function hfName({ huggingFace, ending, part }: TensorKind, layer: number): string {
  return isInLayer(part) ? `model.layers.${layer}.${huggingFace}.${ending}` : `${huggingFace}.${ending}`;
}

/** The full name of a tensor in GGUF files. */
export function ggufName({ gguf, ending, part }: TensorKind, layer: number): string {
  return isInLayer(part) ? `blk.${layer}.${gguf}.${ending}` : `${gguf}.${ending}`;
}

/** Whether a model of this config has the tensor. */
export function hasTensor({ biases, headNorms }: ModelConfig, { feature }: TensorKind): boolean {
  return feature === null || (feature === "headNorms" ? headNorms : biases[feature]);
}

/** Every tensor a checkpoint of this config must have, in the order of Meta's modules. */
export function tensorTable(config: ModelConfig): TensorSpec[] {
  const spec = (tensor: TensorKind, layer: number): TensorSpec => ({
    kind: tensor,
    name: tensorName(tensor, layer),
    hfName: hfName(tensor, layer),
    ggufName: ggufName(tensor, layer),
    shape: tensor.axes.map((axis) => axisSize(axis, config)),
    split: tensor.split,
  });
  const ofPart = (isWanted: (part: Part) => boolean, layer: number) =>
    KINDS.filter((tensor) => isWanted(tensor.part) && hasTensor(config, tensor)).map((tensor) => spec(tensor, layer));
  const layers = Array.from({ length: config.nLayers }, (_, layer) => ofPart(isInLayer, layer));
  return [
    ...ofPart((part) => part === "embed", 0),
    ...layers.flat(),
    ...ofPart((part) => part === "head", config.nLayers),
  ];
}

/** The norms and biases of a part in a model of this config. */
export function partVectors(part: Part, config: ModelConfig): TensorKind[] {
  return KINDS.filter((tensor) => tensor.part === part && tensor.axes.length === 1 && hasTensor(config, tensor));
}

/** Whether a tensor in Meta's files is not needed: rotation frequencies, which are computed instead. */
export function isIgnoredTensor(name: string): boolean {
  return /^(?:layers\.\d+\.attention\.inner_attention\.)?rope\.freqs$/.test(name);
}

/** Whether every layer has the part. */
function isInLayer(part: Part): boolean {
  return part !== "embed" && part !== "head";
}

function kind([meta, huggingFace, gguf]: Names, axes: Axes, split: Split, part: Part): TensorKind {
  return { meta, huggingFace, gguf, ending: "weight", axes, split, part, feature: null };
}

/** A norm of every head of q or of k. */
function headNorm(names: Names): TensorKind {
  return { ...kind(names, ["head"], "replicated", "qkv"), feature: "headNorms" };
}

/** The bias of a matrix: as long as the matrix has rows. */
function biasOf(matrix: TensorKind, feature: Feature): TensorKind {
  const split = matrix.split === "rows" ? "rows" : "replicated";
  return { ...matrix, ending: "bias", axes: [matrix.axes[0]], split, feature };
}
