/** Reads the params.json of a checkpoint in Meta's layout, Meta's or Mistral's, and resolves it to a model config. Does not know tensors. */
import { join } from "node:path";
import { LlamaError } from "../../error.js";
import {
  asObject,
  badValue,
  flag,
  integer,
  type JsonObject,
  number,
  readJsonObject,
} from "../../formats/files/json-file.js";
import { showValue } from "../../formats/files/json-value.js";
import { LLAMA, type ModelConfig, type RopeScaling } from "./config.js";

/** Name of the file that describes a model. */
export const PARAMS = "params.json";

/** params.json as written, without defaults. */
export interface RawParams extends JsonObject {
  /** Keys that are not known and are ignored. */
  unknownKeys: string[];
}

const KNOWN_KEYS = new Set([
  "dim",
  "n_layers",
  "n_heads",
  "n_kv_heads",
  "vocab_size",
  "multiple_of",
  "ffn_dim_multiplier",
  "norm_eps",
  "rope_theta",
  "use_scaled_rope",
  // Mistral's
  "head_dim",
  "hidden_dim",
  "sliding_window",
]);

// Keys that change the computation: ignoring one would give wrong text instead of an error.
const OTHER_ARCHITECTURES: ReadonlyMap<string, string> = new Map([
  ["moe", "a mixture of experts"],
  ["moe_args", "a mixture of experts"],
  ["num_experts", "a mixture of experts"],
  ["quantization_args", "a quantised checkpoint"],
  ["lora_args", "a checkpoint with LoRA adapters"],
  ["quantization", "a quantised checkpoint"],
  ["yarn", "rotation scaled by YaRN"],
  ["llama_4_scaling", "queries scaled by their position"],
  ["tied_embeddings", "an embedding that is the output matrix, too"],
  ["vision_encoder", "a vision model"],
  ["vision_model", "a vision model"],
  ["vision_chunk_size", "a vision model"],
  ["vision_num_cross_attention_layers", "a vision model"],
]);

/** Far above any model; LIMITS.ffn limits the computed width. */
export const LIMITS = { dim: 1e6, n_layers: 1000, multiple_of: 1e6, ffn: 1e7, context: 1e9, window: 1e9, vocab: 1e7 };

// Hard-coded by Meta for every model with use_scaled_rope (llama-models, apply_scaling).
const SCALED_ROPE: RopeScaling = {
  kind: "llama3",
  factor: 8,
  lowFreqFactor: 1,
  highFreqFactor: 4,
  oldContext: 8192,
};

/** Reads `dir`/params.json; throws a LlamaError if it is missing, not a JSON object, or of another architecture. */
export function readParams(dir: string): RawParams {
  const file = join(dir, PARAMS);
  const root = readJsonObject(file, "Every checkpoint folder has a params.json next to its .pth files");
  const values = new Map(Object.entries("model" in root ? asObject(root.model, file) : root));
  for (const [key, meaning] of OTHER_ARCHITECTURES) {
    if (isSet(values.get(key))) {
      throw new LlamaError("model", `${key} means ${meaning}, which is not supported`, {
        where: file,
        fix: "Only dense LLaMA text models can be loaded",
      });
    }
  }
  const unknownKeys = [...values.keys()].filter((key) => !KNOWN_KEYS.has(key) && !OTHER_ARCHITECTURES.has(key));
  return { file, values, unknownKeys };
}

/**
 * Fills in defaults and checks every number. `vocabSize` is the tokenizer's count: it replaces -1 and must equal any other
 * vocab_size (llama-models asserts the same). Throws a LlamaError for a bad value.
 */
export function resolveConfig(raw: RawParams, vocabSize: number): ModelConfig {
  const dim = integer(raw, "dim", LIMITS.dim);
  const nLayers = integer(raw, "n_layers", LIMITS.n_layers);
  const nHeads = integer(raw, "n_heads", dim);
  const nKvHeads = integer(raw, "n_kv_heads", nHeads, nHeads);
  const isMistral = isSet(raw.values.get("hidden_dim"));
  if (dim % nHeads !== 0 && !isSet(raw.values.get("head_dim"))) {
    throw badValue(raw, "n_heads", `a divisor of dim ${dim}`, String(nHeads));
  }
  const headDim = integer(raw, "head_dim", LIMITS.dim, dim / nHeads);
  if (headDim % 2 !== 0) {
    throw badValue(raw, "n_heads", "an even head size dim / n_heads", `${dim} / ${nHeads} = ${headDim}`);
  }
  if (nHeads % nKvHeads !== 0) {
    throw badValue(raw, "n_kv_heads", `a divisor of n_heads ${nHeads}`, String(nKvHeads));
  }
  checkVocabSize(raw, vocabSize);
  const windows = windowsOf(raw, nLayers);
  return {
    ...LLAMA,
    ...(isMistral && { architecture: "Mistral" }),
    windows,
    dim,
    nLayers,
    nHeads,
    nKvHeads,
    headDim,
    ffnDim: isMistral ? integer(raw, "hidden_dim", LIMITS.ffn) : ffnWidth(raw, dim),
    vocabSize,
    normEps: number(raw, "norm_eps", "a number from 0 to 1", (value) => value >= 0 && value <= 1, 1e-5),
    rotation: "interleaved",
    // Meta's code for Llama 3 has another default, but its files always have this key; Mistral's files without a window may not.
    ropeTheta: number(
      raw,
      "rope_theta",
      "a positive number",
      (value) => value > 0,
      isMistral && windows.length === 0 ? 1e6 : 1e4,
    ),
    ropeScaling: scalingOf(raw),
    contextLength: null,
  };
}

/** The scaling of rotary frequencies, which all models have since Llama 3.1. */
export function scalingOf(raw: RawParams): RopeScaling | null {
  return flag(raw, "use_scaled_rope") ? SCALED_ROPE : null;
}

/** Checks that vocab_size equals the tokenizer's count; absent or -1 means that count, as in the files of LLaMA 1 and 2. */
function checkVocabSize(raw: RawParams, tokenizerSize: number): void {
  if ((raw.values.get("vocab_size") ?? -1) === -1) return;
  const written = integer(raw, "vocab_size", LIMITS.vocab);
  if (written === tokenizerSize) return;
  throw new LlamaError("model", "vocab_size does not match the tokenizer", {
    where: raw.file,
    expected: `${tokenizerSize} (tokens of the tokenizer)`,
    found: String(written),
    fix: "Use the tokenizer.model that came with this checkpoint",
  });
}

/** Mistral's sliding_window: a number for all layers, or a list that is repeated; null is no window (mistral-inference, cache.py). */
function windowsOf(raw: RawParams, nLayers: number): ModelConfig["windows"] {
  const value = raw.values.get("sliding_window");
  if (!isSet(value)) return [];
  const pattern: unknown[] = Array.isArray(value) ? value : [value];
  const windows = pattern.map((entry) => {
    if (entry === null) return null;
    if (typeof entry === "number" && Number.isInteger(entry) && entry >= 1 && entry <= LIMITS.window) return entry;
    throw badValue(raw, "sliding_window", `a positive integer up to ${LIMITS.window}`, showValue(entry));
  });
  if (nLayers % windows.length !== 0) {
    throw badValue(
      raw,
      "sliding_window",
      `a list whose length divides n_layers ${nLayers}`,
      `${windows.length} entries`,
    );
  }
  if (windows.every((window) => window === null)) return [];
  return Array.from({ length: nLayers }, (_, layer) => windows[layer % windows.length]!);
}

/** Width of the feed-forward block, truncated at both steps as in Meta's FeedForward. */
function ffnWidth(raw: RawParams, dim: number): number {
  const multipleOf = integer(raw, "multiple_of", LIMITS.multiple_of, 256);
  const multiplier = number(raw, "ffn_dim_multiplier", "a positive number", (value) => value > 0, 1);
  const hidden = Math.trunc(multiplier * Math.trunc((2 * (4 * dim)) / 3));
  const width = multipleOf * Math.ceil(hidden / multipleOf);
  if (width < 1 || width > LIMITS.ffn) {
    throw badValue(raw, "ffn_dim_multiplier", `a feed-forward width from 1 to ${LIMITS.ffn}`, String(width));
  }
  return width;
}

/** Whether an optional feature is on: llama-models writes -1, 0, false or null for off. */
function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && !(typeof value === "number" && value <= 0);
}
