/** Reads the metadata of a GGUF file and resolves it to a model config. Does not know where tensors are. */
import { LlamaError } from "../../error.js";
import { badValue, integer, type JsonObject, number } from "../../formats/files/json-file.js";
import { showValue } from "../../formats/files/json-value.js";
import { quoted } from "../../formats/files/quoted.js";
import type { GgufValue } from "../../formats/gguf/gguf-values.js";
import type { StoredTensor } from "../../formats/tensor/stored-tensor.js";
import type { ModelConfig } from "./config.js";
import { GGUF_ARCHITECTURES } from "./gguf-architectures.js";
import { GGUF_ROPE_KEYS, type GgufRope, readGgufRope } from "./gguf-rope.js";
import { LIMITS } from "./meta-params.js";

/** A file's metadata; the keys of its architecture have no prefix, e.g. "block_count". */
export interface GgufDescription extends JsonObject {
  architecture: string;
  /** Keys of the architecture that are not known and are ignored. */
  unknownKeys: string[];
}

const KNOWN_KEYS = new Set([
  ...["embedding_length", "block_count", "feed_forward_length", "context_length", "vocab_size"],
  ...["attention.head_count", "attention.head_count_kv", "attention.key_length", "attention.value_length"],
  ...["attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon", "attention.causal", ...GGUF_ROPE_KEYS],
  "tensor_data_layout",
]);

/** Keys that change the computation, with the value that does not. */
const NEUTRAL: ReadonlyMap<string, [meaning: string, value: unknown]> = new Map<string, [string, unknown]>([
  ["expert_count", ["a mixture of experts", 0]],
  ["expert_used_count", ["a mixture of experts", 0]],
  ["attention.causal", ["attention to later tokens", true]],
  ["attention.clamp_kqv", ["clamped queries, keys and values", 0]],
  ["attention.max_alibi_bias", ["ALiBi", 0]],
  ["attention.scale", ["attention of another scale", 0]],
  ["attention.temperature_length", ["attention with a temperature", 0]],
  ["attn_logit_softcapping", ["capped attention scores", 0]],
  ["final_logit_softcapping", ["capped logits", 0]],
  ["logit_scale", ["scaled logits", 1]],
  ["embedding_scale", ["a scaled embedding", 1]],
  ["residual_scale", ["a scaled residual stream", 1]],
  ["use_parallel_residual", ["parallel attention and feed-forward", false]],
  ["pooling_type", ["a model that makes embeddings of texts", 0]],
]);

const DENSE = "Only dense text models can be loaded";

/** Throws a LlamaError for a file that is not a language model of a known architecture. */
export function readGgufDescription(file: string, metadata: ReadonlyMap<string, GgufValue>): GgufDescription {
  const architecture = metadata.get("general.architecture");
  checkKind(file, metadata.get("general.type"), architecture);
  const known = typeof architecture === "string" ? GGUF_ARCHITECTURES.get(architecture) : undefined;
  if (typeof architecture !== "string" || known === undefined) {
    const problem =
      typeof architecture === "string"
        ? `architecture ${quoted(architecture)} is not supported`
        : "has no general.architecture";
    const expected = [...GGUF_ARCHITECTURES.keys()].join(", ");
    throw new LlamaError("model", problem, { where: file, expected, fix: DENSE });
  }
  const prefix = `${architecture}.`;
  const values = new Map<string, unknown>();
  for (const [key, value] of metadata) {
    if (key.startsWith(prefix)) values.set(key.slice(prefix.length), sameForAllLayers(value));
  }
  for (const [key, [meaning, neutral]] of NEUTRAL) {
    const value = values.get(key) ?? neutral;
    if (value === neutral || value === 0) continue;
    throw new LlamaError("model", `${prefix}${key} ${showValue(value)} means ${meaning}, which is not supported`, {
      where: file,
      fix: DENSE,
    });
  }
  const isKnown = (key: string) => KNOWN_KEYS.has(key) || NEUTRAL.has(key) || known.keys.includes(key);
  const unknownKeys = [...values.keys()].filter((key) => !isKnown(key));
  return { file, values, architecture, unknownKeys: unknownKeys.map((key) => prefix + key) };
}

/** Names the other kinds of files that are passed on as GGUF (gguf-py, GGUFType). */
function checkKind(file: string, type: GgufValue | undefined, architecture: GgufValue | undefined): void {
  const fail = (problem: string, fix: string): never => {
    throw new LlamaError("model", problem, { where: file, fix });
  };
  const useModel = "Name the GGUF file of the model itself";
  if (type === "adapter") {
    fail("is an adapter (LoRA) and not a whole model", "Merge it into its model, for example with llama-export-lora");
  }
  if (type === "imatrix") fail("is an importance matrix, with which models are quantised", useModel);
  if (architecture === "clip" || type === "mmproj") {
    fail("is the vision or audio part of a model (mmproj)", `${useModel}: llama-ts reads text only`);
  }
  if (architecture === "controlvector") fail("is a control vector and not a model", useModel);
}

/** The value of all layers, if a list has a value for each and they are the same. */
function sameForAllLayers(value: GgufValue): unknown {
  if (typeof value !== "object") return value;
  const values = Array.from(value as ArrayLike<GgufValue>);
  return values.length > 0 && values.every((one) => one === values[0]) ? values[0] : values;
}

/** The settings of rotation, which are known before the tokenizer. `factors`: the numbers of the tensor rope_freqs, if there is one. */
export function ggufRope(raw: GgufDescription, factors: Float32Array | null): GgufRope {
  return readGgufRope(raw, headSize(raw), factors);
}

/**
 * Checks every number, with llama.cpp's defaults. `embedding` is the tensor of that name, whose rows are the vocabulary;
 * `has` says whether the files have a tensor. Throws a LlamaError for a bad value.
 */
export function resolveGgufConfig(
  raw: GgufDescription,
  rope: GgufRope,
  embedding: StoredTensor,
  has: (tensor: string) => boolean,
): ModelConfig {
  const dim = integer(raw, "embedding_length", LIMITS.dim);
  const nHeads = integer(raw, "attention.head_count", dim);
  const nKvHeads = integer(raw, "attention.head_count_kv", nHeads, nHeads);
  if (nHeads % nKvHeads !== 0) {
    throw badValue(raw, "attention.head_count_kv", `a divisor of head_count ${nHeads}`, String(nKvHeads));
  }
  const nLayers = integer(raw, "block_count", LIMITS.n_layers);
  const { rotation, vary } = GGUF_ARCHITECTURES.get(raw.architecture)!;
  return {
    ...vary(raw, nLayers, has),
    dim,
    nLayers,
    nHeads,
    nKvHeads,
    headDim: headSize(raw),
    ffnDim: integer(raw, "feed_forward_length", LIMITS.ffn),
    vocabSize: embedding.shape[0] ?? 0,
    normEps: shortest(number(raw, "attention.layer_norm_rms_epsilon", "a number from 0 to 1", (x) => x >= 0 && x <= 1)),
    rotation,
    ...rope,
    contextLength: raw.values.has("context_length") ? integer(raw, "context_length", LIMITS.context) : null,
  };
}

/** Numbers of a head, of which llama.cpp also rotates some only in other architectures. */
function headSize(raw: GgufDescription): number {
  const dim = integer(raw, "embedding_length", LIMITS.dim);
  const nHeads = integer(raw, "attention.head_count", dim);
  if (!raw.values.has("attention.key_length") && dim % nHeads !== 0) {
    throw badValue(raw, "attention.head_count", `a divisor of embedding_length ${dim}`, String(nHeads));
  }
  const size = integer(raw, "attention.key_length", LIMITS.dim, dim / nHeads);
  if (size % 2 !== 0) throw badValue(raw, "attention.key_length", "an even number", String(size));
  for (const key of ["attention.value_length", "rope.dimension_count"]) {
    const other = integer(raw, key, LIMITS.dim, size);
    if (other !== size) throw badValue(raw, key, `${size}, the size of a head`, String(other));
  }
  return size;
}

/** The shortest decimal number that is this float32: 0.00001 instead of 0.000009999999747378752. */
function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return rounded;
  }
  return value;
}
