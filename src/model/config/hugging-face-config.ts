/** Reads the config.json of a Hugging Face folder and resolves it to a model config. Does not know tensors. */
import { join } from "node:path";
import { badValue, flag, integer, type JsonObject, number, readJsonObject } from "../../formats/files/json-file.js";
import { showValue } from "../../formats/files/json-value.js";
import { type Architecture, architectureOf } from "./architectures.js";
import type { ModelConfig } from "./config.js";
import { ROPE_KEYS, type RopeSettings, readHfRope } from "./hugging-face-rope.js";
import { LIMITS } from "./meta-params.js";
import { OTHER_MODEL_KEYS, refuseOtherModels } from "./other-models.js";

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
  ...ROPE_KEYS,
  ...["tie_word_embeddings", "model_type", "max_position_embeddings", "transformers_weights"],
  ...OTHER_MODEL_KEYS,
  // used by training, sampling and other programs; ignored here
  ...["architectures", "_name_or_path", "transformers_version", "torch_dtype", "dtype", "use_cache"],
  ...["bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id", "initializer_range", "attention_dropout"],
  ...["max_sequence_length", "pretraining_tp", "auto_map", "_attn_implementation"],
]);

/** Reads `dir`/config.json; throws a LlamaError if it is missing, not a JSON object, or of another architecture. */
export function readHfConfig(dir: string): HfConfig {
  const file = join(dir, HF_CONFIG);
  const root = readJsonObject(file, "Every Hugging Face folder has a config.json next to its .safetensors files");
  const values = new Map(Object.entries(root));
  refuseOtherModels({ file, values });
  const architecture = architectureOf({ file, values });
  const known = new Set([...KNOWN_KEYS, ...architecture.keys]);
  const raw = { file, values, architecture, unknownKeys: [...values.keys()].filter((key) => !known.has(key)) };
  const activation = values.get("hidden_act") ?? "silu";
  if (activation !== "silu" && activation !== "swish") {
    throw badValue(raw, "hidden_act", "silu", showValue(activation));
  }
  return raw;
}

/** Fills in the defaults of transformers' config of the architecture and checks every number. Throws a LlamaError for a bad value. */
export function resolveHfConfig(raw: HfConfig): ModelConfig {
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
  const nLayers = integer(raw, "num_hidden_layers", LIMITS.n_layers);
  return {
    ...architecture.vary(raw, nLayers),
    dim,
    nLayers,
    nHeads,
    nKvHeads,
    headDim,
    ffnDim: integer(raw, "intermediate_size", LIMITS.ffn),
    vocabSize: integer(raw, "vocab_size", LIMITS.vocab, defaults.vocabSize),
    normEps: number(raw, "rms_norm_eps", "a number from 0 to 1", (value) => value >= 0 && value <= 1, 1e-6),
    rotation: "halved",
    ...ropeSettings(raw),
    contextLength: contextLength(raw),
  };
}

/** The weight file or index of the folder that config.json names; undefined if it leaves that to the usual names. */
export function weightsFile(raw: HfConfig): string | undefined {
  const name = raw.values.get("transformers_weights") ?? undefined;
  if (name === undefined) return undefined;
  if (typeof name === "string" && /^[\w-][\w.-]*\.safetensors(\.index\.json)?$/.test(name)) return name;
  throw badValue(raw, "transformers_weights", "the name of a .safetensors file or of its index", showValue(name));
}

/** Whether the embedding is also the output matrix. */
export function isTied(raw: HfConfig): boolean {
  return isSet(raw, "tie_word_embeddings") ? flag(raw, "tie_word_embeddings") : raw.architecture.defaults.isTied;
}

/** The settings of rotation, which are known before the tokenizer. Throws a LlamaError for a bad value. */
export function ropeSettings(raw: HfConfig): RopeSettings {
  return readHfRope(raw, contextLength(raw), raw.architecture.defaults.ropeTheta);
}

function contextLength(raw: HfConfig): number {
  return integer(raw, "max_position_embeddings", LIMITS.context, raw.architecture.defaults.contextLength);
}

function isSet({ values }: JsonObject, key: string): boolean {
  return (values.get(key) ?? null) !== null;
}
