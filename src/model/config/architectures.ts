/** The architectures that can be run: LLaMA and its relatives, each as a description of what differs. Does not know files or tensors. */
import { LlamaError } from "../../error.js";
import { badValue, flag, integer, type JsonObject } from "../../formats/files/json-file.js";
import { showValue } from "../../formats/files/json-value.js";
import { LLAMA, type Variation } from "./config.js";
import { LIMITS } from "./meta-params.js";

/** One architecture in Hugging Face's form, as transformers 5 reads it (configuration_NAME.py and modeling_NAME.py). */
export interface Architecture {
  /** Values of keys that a config.json leaves out; null where the value follows from others. */
  defaults: {
    nKvHeads: number | null;
    headDim: number | null;
    ropeTheta: number;
    contextLength: number;
    vocabSize: number;
    /** tie_word_embeddings */
    isTied: boolean;
  };
  /** Keys of config.json that it has in addition to LLaMA's. */
  keys: readonly string[];
  /** Reads what differs from LLaMA. Throws a LlamaError for a bad value. */
  vary(raw: JsonObject, nLayers: number): Variation;
}

const DEFAULTS = {
  ...{ nKvHeads: null, headDim: null, ropeTheta: 10000, contextLength: 2048 },
  ...{ vocabSize: 32000, isTied: false },
};
const WINDOW_KEYS = ["sliding_window", "use_sliding_window", "max_window_layers", "layer_types"];
const BIAS_KEYS = ["attention_bias", "mlp_bias"];

const LLAMA_MODEL: Architecture = {
  defaults: DEFAULTS,
  keys: BIAS_KEYS,
  vary: (raw) => ({ ...LLAMA, biases: biasesOf(raw) }),
};

/** Every layer has the window, unless layer_types says which ones do (transformers treats that as model_type ministral). */
const MISTRAL: Architecture = {
  defaults: { ...DEFAULTS, nKvHeads: 8, contextLength: 131072 },
  keys: ["sliding_window", "layer_types"],
  vary: (raw, nLayers) => ({
    ...{ ...LLAMA, architecture: "Mistral" },
    windows: windowsOf(raw, nLayers, windowOf(raw, 4096), () => true),
  }),
};

const QWEN2: Architecture = {
  defaults: { ...DEFAULTS, nKvHeads: 32, contextLength: 32768, vocabSize: 151936 },
  keys: [...WINDOW_KEYS, "use_mrope"],
  vary: (raw, nLayers) => ({
    ...{ ...LLAMA, architecture: "Qwen2" },
    biases: { ...LLAMA.biases, qkv: true },
    windows: qwenWindows(raw, nLayers),
  }),
};

const QWEN3: Architecture = {
  defaults: { ...QWEN2.defaults, headDim: 128 },
  keys: [...WINDOW_KEYS, "attention_bias"],
  vary: (raw, nLayers) => ({
    ...{ ...LLAMA, architecture: "Qwen3" },
    biases: { ...biasesOf(raw), ffn: false },
    headNorms: true,
    windows: qwenWindows(raw, nLayers),
  }),
};

const SMOLLM3: Architecture = {
  defaults: {
    ...{ nKvHeads: 4, headDim: null, ropeTheta: 2e6, contextLength: 32768 },
    ...{ vocabSize: 128256, isTied: true },
  },
  keys: [...BIAS_KEYS, ...WINDOW_KEYS, "no_rope_layers", "no_rope_layer_interval"],
  vary(raw, nLayers) {
    const unrotatedLayers = unrotatedLayersOf(raw, nLayers);
    const isLimited = flag(raw, "use_sliding_window");
    const window = windowOf(raw, null);
    const windows = windowsOf(raw, nLayers, window, (layer) => isLimited && unrotatedLayers.includes(layer));
    return { ...LLAMA, architecture: "SmolLM3", biases: biasesOf(raw), unrotatedLayers, windows };
  },
};

/** By model_type. */
export const MODEL_TYPES: ReadonlyMap<string, Architecture> = new Map([
  ["llama", LLAMA_MODEL],
  ["mistral", MISTRAL],
  ["ministral", MISTRAL],
  ["qwen2", QWEN2],
  ["qwen3", QWEN3],
  ["smollm3", SMOLLM3],
]);

/** The architecture of a config.json. Throws a LlamaError that names every other model_type. */
export function architectureOf(raw: JsonObject): Architecture {
  const type = raw.values.get("model_type");
  const architecture = MODEL_TYPES.get(type as string);
  if (architecture) return architecture;
  const problem = type === undefined ? "has no model_type" : `model_type ${showValue(type)} is not supported`;
  throw new LlamaError("model", problem, {
    where: raw.file,
    expected: `one of ${[...MODEL_TYPES.keys()].join(", ")}`,
    fix: "Only dense text models of these architectures can be loaded",
  });
}

function biasesOf(raw: JsonObject): Variation["biases"] {
  const [attention, mlp] = BIAS_KEYS.map((key) => flag(raw, key));
  return { qkv: attention!, wo: attention!, ffn: mlp! };
}

/** sliding_window: null switches it off, which is not the same as leaving it out. */
function windowOf(raw: JsonObject, fallback: number | null): number | null {
  if (!raw.values.has("sliding_window")) return fallback;
  return raw.values.get("sliding_window") === null ? null : integer(raw, "sliding_window", LIMITS.window);
}

/** Qwen2 and Qwen3: layers from max_window_layers on have the window, if use_sliding_window is true. */
function qwenWindows(raw: JsonObject, nLayers: number): Variation["windows"] {
  const window = flag(raw, "use_sliding_window") ? windowOf(raw, 4096) : null;
  const first = raw.values.get("max_window_layers") === 0 ? 0 : integer(raw, "max_window_layers", 1e6, 28);
  return windowsOf(raw, nLayers, window, (layer) => layer >= first);
}

/** The window of each layer: layer_types says which layers have it, else `isLimited`. None has one: no entries. */
function windowsOf(
  raw: JsonObject,
  nLayers: number,
  window: number | null,
  isLimited: (layer: number) => boolean,
): Variation["windows"] {
  const types = layerList(raw, "layer_types", nLayers) ?? [];
  if (types.length > nLayers) {
    throw badValue(raw, "layer_types", `${nLayers} entries (num_hidden_layers)`, String(types.length));
  }
  const layers = Array.from({ length: nLayers }, (_, layer) => {
    const type = types[layer];
    if (type === undefined) return isLimited(layer) && window !== null;
    if (type === "full_attention") return false;
    if (type !== "sliding_attention") {
      throw badValue(raw, "layer_types", "full_attention or sliding_attention", showValue(type));
    }
    if (window !== null) return true;
    throw badValue(raw, "layer_types", "no sliding_attention without a sliding_window that is used", showValue(type));
  });
  return layers.includes(true) ? layers.map((isLimited) => (isLimited ? window : null)) : [];
}

/** SmolLM3: no_rope_layers has 0 for a layer that does not rotate; by default it is the last of every four. */
function unrotatedLayersOf(raw: JsonObject, nLayers: number): number[] {
  const list = layerList(raw, "no_rope_layers", nLayers);
  const interval = integer(raw, "no_rope_layer_interval", 1e6, 4);
  const isUnrotated = (layer: number) => {
    if (list === null) return (layer + 1) % interval === 0;
    const value = list[layer];
    if (value !== 0 && value !== 1 && typeof value !== "boolean") {
      throw badValue(raw, "no_rope_layers", "0 (no rotation) or 1 for each layer", showValue(value));
    }
    return !value;
  };
  return Array.from({ length: nLayers }, (_, layer) => layer).filter(isUnrotated);
}

/** A list with an entry for each layer, or null if the key is absent or null. */
function layerList(raw: JsonObject, key: string, nLayers: number): readonly unknown[] | null {
  const value = raw.values.get(key) ?? null;
  if (value === null) return null;
  if (Array.isArray(value) && value.length >= nLayers) return value;
  const found = Array.isArray(value) ? `${value.length} entries` : showValue(value);
  throw badValue(raw, key, `a list with ${nLayers} entries (num_hidden_layers)`, found);
}
