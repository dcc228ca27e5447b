/** The architectures that can be run, as GGUF files name them: what their metadata and tensors say, and what llama.cpp knows by the name alone. Does not know files. */
import { badValue, integer, type JsonObject } from "../../formats/files/json-file.js";
import { showValue } from "../../formats/files/json-value.js";
import { LLAMA, type Rotation, type Variation } from "./config.js";
import { LIMITS } from "./meta-params.js";

/** One architecture in GGUF's form (llama.cpp, src/models/NAME.cpp). */
export interface GgufArchitecture {
  /** NORM (interleaved) or NEOX (halved) in llama_model_rope_type. */
  rotation: Rotation;
  /** Keys that are read here, without the prefix of the architecture. */
  keys: readonly string[];
  /**
   * What differs from LLaMA. `raw` has the keys without prefix; `has` says whether the files have a tensor. Throws a LlamaError
   * for a bad value.
   */
  vary(raw: JsonObject, nLayers: number, has: (tensor: string) => boolean): Variation;
}

const WINDOW = "attention.sliding_window";
const PATTERN = "attention.sliding_window_pattern";

/** By general.architecture. Mistral's files say llama. */
export const GGUF_ARCHITECTURES: ReadonlyMap<string, GgufArchitecture> = new Map([
  ["llama", architecture("LLaMA", "interleaved")],
  ["qwen2", architecture("Qwen2", "halved")],
  ["qwen3", architecture("Qwen3", "halved", { headNorms: true })],
  // Its rows of wq and wk are in the order of LLaMA's; no key says that every fourth layer does not rotate.
  ["smollm3", architecture("SmolLM3", "interleaved", {}, 4)],
]);

function architecture(
  name: string,
  rotation: Rotation,
  more: Partial<Variation> = {},
  unrotatedInterval = Number.POSITIVE_INFINITY,
): GgufArchitecture {
  return {
    rotation,
    keys: [WINDOW, PATTERN],
    vary: (raw, nLayers, has) => ({
      ...LLAMA,
      architecture: name,
      // Files with biases have no key for them.
      biases: { qkv: has("blk.0.attn_q.bias"), wo: has("blk.0.attn_output.bias"), ffn: has("blk.0.ffn_gate.bias") },
      windows: windowsOf(raw, nLayers),
      unrotatedLayers: layersOf(nLayers).filter((layer) => (layer + 1) % unrotatedInterval === 0),
      ...more,
    }),
  };
}

/** The window of each layer; no entries if none has one. A pattern of n leaves out the last of every n layers. */
function windowsOf(raw: JsonObject, nLayers: number): Variation["windows"] {
  const value = raw.values.get(WINDOW) ?? 0;
  if (value === 0) return [];
  const window = integer(raw, WINDOW, LIMITS.window);
  const pattern = raw.values.get(PATTERN) ?? true;
  const windows = layersOf(nLayers).map((layer) => {
    const isLimited = Array.isArray(pattern) ? pattern[layer] : pattern;
    if (typeof isLimited === "number" && Number.isInteger(isLimited) && isLimited > 0 && !Array.isArray(pattern)) {
      return isLimited === 1 || layer % isLimited < isLimited - 1 ? window : null;
    }
    if (typeof isLimited === "boolean") return isLimited ? window : null;
    throw badValue(raw, PATTERN, `a number or ${nLayers} times true or false`, showValue(pattern));
  });
  return windows.some((one) => one !== null) ? windows : [];
}

function layersOf(nLayers: number): number[] {
  return Array.from({ length: nLayers }, (_, layer) => layer);
}
