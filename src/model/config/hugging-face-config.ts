/** Reads the config.json of a Hugging Face folder and resolves it to a model config. Does not know tensors. */
import { join } from "node:path";
import { LlamaError } from "../../error.js";
import {
  asObject,
  badValue,
  checkVocabSize,
  flag,
  integer,
  type JsonObject,
  number,
  readJsonObject,
} from "../../formats/files/json-file.js";
import { showValue } from "../../formats/files/json-value.js";
import { type Architecture, architectureOf } from "./architectures.js";
import type { ModelConfig, RopeScaling } from "./config.js";
import { LIMITS } from "./meta-params.js";

/** Name of the file that describes a model. */
export const HF_CONFIG = "config.json";

export interface HfConfig extends JsonObject {
  architecture: Architecture;
  /** Keys that are not known and are ignored. */
  unknownKeys: string[];
}

const KNOWN_KEYS = new Set([
  ...["hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim"],
  ...["intermediate_size", "vocab_size", "rms_norm_eps", "hidden_act"],
  ...["rope_theta", "rope_scaling", "rope_parameters", "tie_word_embeddings", "model_type", "quantization_config"],
  // used by training, sampling and other programs; ignored here
  ...["architectures", "_name_or_path", "transformers_version", "torch_dtype", "dtype", "use_cache"],
  ...["bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id", "initializer_range", "attention_dropout"],
  ...["max_position_embeddings", "max_sequence_length", "pretraining_tp", "auto_map", "_attn_implementation"],
]);

/** Reads `dir`/config.json; throws a LlamaError if it is missing, not a JSON object, or of another architecture. */
export function readHfConfig(dir: string): HfConfig {
  const file = join(dir, HF_CONFIG);
  const root = readJsonObject(file, "Every Hugging Face folder has a config.json next to its .safetensors files");
  const values = new Map(Object.entries(root));
  const architecture = architectureOf({ file, values });
  const known = new Set([...KNOWN_KEYS, ...architecture.keys]);
  const raw = { file, values, architecture, unknownKeys: [...values.keys()].filter((key) => !known.has(key)) };
  const quantized = values.get("quantization_config");
  if (quantized !== undefined && quantized !== null) {
    const method = showValue(asObject(quantized, `${file}: quantization_config`).quant_method);
    const problem = `quantised weights (${method}) are not supported`;
    throw new LlamaError("model", problem, { where: file, fix: "Use the model's original weights" });
  }
  const activation = values.get("hidden_act") ?? "silu";
  if (activation !== "silu" && activation !== "swish") {
    throw badValue(raw, "hidden_act", "silu", showValue(activation));
  }
  return raw;
}

/** Fills in the defaults of transformers' config of the architecture and checks every number. `vocabSize` is the tokenizer's count. Throws a LlamaError for a bad value. */
export function resolveHfConfig(raw: HfConfig, vocabSize: number): ModelConfig {
  const dim = integer(raw, "hidden_size", LIMITS.dim);
  const nHeads = integer(raw, "num_attention_heads", dim);
  const { architecture, values } = raw;
  const { defaults } = architecture;
  // null is one KV head for each query head, also where another number is the default
  const fewer = values.has("num_key_value_heads") ? null : defaults.nKvHeads;
  const nKvHeads = integer(raw, "num_key_value_heads", nHeads, fewer ?? nHeads);
  if (nHeads % nKvHeads !== 0) {
    throw badValue(raw, "num_key_value_heads", `a divisor of num_attention_heads ${nHeads}`, String(nKvHeads));
  }
  const headSize = values.has("head_dim") ? null : defaults.headDim;
  if ((values.get("head_dim") ?? headSize) === null && dim % nHeads !== 0) {
    throw badValue(raw, "num_attention_heads", `a divisor of hidden_size ${dim}`, String(nHeads));
  }
  const headDim = integer(raw, "head_dim", LIMITS.dim, headSize ?? dim / nHeads);
  if (headDim % 2 !== 0) throw badValue(raw, "head_dim", "an even number", String(headDim));
  checkVocabSize(
    raw,
    vocabSize,
    "If tokens were added to the model, they are in its tokenizer.json: pass that file as tokenizer_path",
  );
  const nLayers = integer(raw, "num_hidden_layers", LIMITS.n_layers);
  return {
    ...architecture.vary(raw, nLayers),
    dim,
    nLayers,
    nHeads,
    nKvHeads,
    headDim,
    ffnDim: integer(raw, "intermediate_size", LIMITS.ffn),
    vocabSize,
    normEps: number(raw, "rms_norm_eps", "a number from 0 to 1", (value) => value >= 0 && value <= 1, 1e-6),
    rotation: "halved",
    ...resolveRope(raw),
  };
}

/** The settings of rotation, whose keys are at the top level or, since transformers 5, all in rope_parameters. */
export function resolveRope(raw: HfConfig): { ropeTheta: number; ropeScaling: RopeScaling | null } {
  const key = isSet(raw, "rope_parameters") ? "rope_parameters" : "rope_scaling";
  const file = `${raw.file}: ${key}`;
  const rope: JsonObject = isSet(raw, key)
    ? { file, values: new Map(Object.entries(asObject(raw.values.get(key), file))) }
    : { file, values: new Map() };
  const top = key === "rope_parameters" && isSet(rope, "rope_theta") ? rope : raw;
  const ropeTheta = positive(top, "rope_theta", raw.architecture.defaults.ropeTheta);
  const type = rope.values.get("rope_type") ?? rope.values.get("type") ?? "default";
  if (type === "default") return { ropeTheta, ropeScaling: null };
  if (type !== "llama3") {
    throw new LlamaError("model", `rope scaling of type ${showValue(type)} is not supported`, {
      where: file,
      expected: "llama3 or none",
      fix: "Use the version of the model without an extended context",
    });
  }
  const ropeScaling = {
    factor: positive(rope, "factor"),
    lowFreqFactor: positive(rope, "low_freq_factor"),
    highFreqFactor: positive(rope, "high_freq_factor"),
    oldContext: integer(rope, "original_max_position_embeddings", 1e9),
  };
  if (ropeScaling.highFreqFactor <= ropeScaling.lowFreqFactor) {
    const expected = `more than low_freq_factor ${ropeScaling.lowFreqFactor}`;
    throw badValue(rope, "high_freq_factor", expected, String(ropeScaling.highFreqFactor));
  }
  return { ropeTheta, ropeScaling };
}

/** Whether the embedding is also the output matrix. */
export function isTied(raw: HfConfig): boolean {
  return isSet(raw, "tie_word_embeddings") ? flag(raw, "tie_word_embeddings") : raw.architecture.defaults.isTied;
}

function positive(raw: JsonObject, key: string, fallback?: number): number {
  return number(raw, key, "a positive number", (value) => value > 0, fallback);
}

function isSet({ values }: JsonObject, key: string): boolean {
  return (values.get(key) ?? null) !== null;
}
