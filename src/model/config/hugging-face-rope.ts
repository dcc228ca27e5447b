/** Reads the settings of rotation in a config.json, as transformers 5 does (modeling_rope_utils.py). Does not know frequencies. */
import { LlamaError } from "../../error.js";
import { asObject, badValue, flag, integer, type JsonObject, number } from "../../formats/files/json-file.js";
import { isObject, showValue } from "../../formats/files/json-value.js";
import type { ModelConfig, RopeScaling } from "./config.js";
import { LIMITS } from "./meta-params.js";

export type RopeSettings = Pick<ModelConfig, "ropeTheta" | "ropeScaling">;

/** Keys of config.json that are read here. */
export const ROPE_KEYS = [
  ...["rope_theta", "rope_scaling", "rope_parameters", "original_max_position_embeddings", "partial_rotary_factor"],
];

/**
 * The settings, which are in the dict rope_scaling (it comes first) or rope_parameters; theta may be beside it. `contextLength`:
 * max_position_embeddings; `defaultTheta`: that of the architecture. Throws a LlamaError for a type that is not known and for a bad value.
 */
export function readHfRope(raw: JsonObject, contextLength: number, defaultTheta: number): RopeSettings {
  const rope = ropeDict(raw);
  const ropeTheta = positive(isSet(rope, "rope_theta") ? rope : raw, "rope_theta", defaultTheta);
  for (const place of [raw, rope]) {
    if (number(place, "partial_rotary_factor", "a number", () => true, 1) === 1) continue;
    throw badValue(place, "partial_rotary_factor", "1: all numbers of a head are rotated", showOf(place));
  }
  return { ropeTheta, ropeScaling: readScaling(raw, rope, ropeTheta, contextLength) };
}

/** An empty dict counts as absent. */
function ropeDict(raw: JsonObject): JsonObject {
  for (const key of ["rope_scaling", "rope_parameters"]) {
    if (!isSet(raw, key)) continue;
    const file = `${raw.file}: ${key}`;
    const values = new Map(Object.entries(asObject(raw.values.get(key), file)));
    if (values.size === 0) continue;
    const nested = [...values].find(([, value]) => isObject(value));
    if (nested === undefined) return { file, values };
    throw new LlamaError("model", "rotation that differs between layers is not supported", {
      where: file,
      expected: "settings of all layers",
      found: `settings of ${showValue(nested[0])}`,
    });
  }
  return { file: raw.file, values: new Map() };
}

function readScaling(raw: JsonObject, rope: JsonObject, theta: number, contextLength: number): RopeScaling | null {
  const type = rope.values.get("rope_type") ?? rope.values.get("type") ?? "default";
  switch (type) {
    case "default":
      return null;
    case "linear": {
      const factor = positive(rope, "factor");
      return factor === 1 ? null : { kind: "linear", factor };
    }
    case "dynamic":
      return { kind: "dynamic", factor: positive(rope, "factor"), oldContext: contextLength };
    case "llama3":
      return readLlama(rope, oldContextOf(raw, rope, contextLength));
    case "yarn":
      if (theta === 1) throw badValue(rope, "rope_theta", "a number other than 1", "1");
      return readYarn(rope, oldContextOf(raw, rope, contextLength), contextLength);
  }
  throw new LlamaError("model", `rope scaling of type ${showValue(type)} is not supported`, {
    where: rope.file,
    expected: "default, linear, dynamic, llama3 or yarn",
    fix: "Use a version of the model without an extended context",
  });
}

function readLlama(rope: JsonObject, oldContext: number): RopeScaling {
  const factor = positive(rope, "factor");
  const lowFreqFactor = positive(rope, "low_freq_factor");
  const highFreqFactor = positive(rope, "high_freq_factor");
  if (highFreqFactor <= lowFreqFactor) {
    throw badValue(rope, "high_freq_factor", `more than low_freq_factor ${lowFreqFactor}`, String(highFreqFactor));
  }
  return { kind: "llama3", factor, lowFreqFactor, highFreqFactor, oldContext };
}

function readYarn(rope: JsonObject, oldContext: number, contextLength: number): RopeScaling {
  const factor = positive(rope, "factor", contextLength / oldContext);
  return {
    kind: "yarn",
    factor,
    // 0 counts as absent, as in Python's `or`.
    betaFast: notNegative(rope, "beta_fast") || 32,
    betaSlow: notNegative(rope, "beta_slow") || 1,
    isTruncated: rope.values.has("truncate") ? flag(rope, "truncate") : true,
    attentionFactor: positive(rope, "attention_factor", yarnFactor(rope, factor)),
    oldContext,
  };
}

/** The default of attention_factor. */
function yarnFactor(rope: JsonObject, factor: number): number {
  const scaled = (mscale: number) => (factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1);
  const [mscale, mscaleAllDim] = [notNegative(rope, "mscale"), notNegative(rope, "mscale_all_dim")];
  return mscale > 0 && mscaleAllDim > 0 ? scaled(mscale) / scaled(mscaleAllDim) : scaled(1);
}

/** original_max_position_embeddings of the file comes before that of the dict. */
function oldContextOf(raw: JsonObject, rope: JsonObject, contextLength: number): number {
  const key = "original_max_position_embeddings";
  return integer(isSet(raw, key) ? raw : rope, key, LIMITS.context, contextLength);
}

function positive(raw: JsonObject, key: string, fallback?: number): number {
  return number(raw, key, "a positive number", (value) => value > 0, fallback);
}

function notNegative(raw: JsonObject, key: string): number {
  return number(raw, key, "a number of at least 0", (value) => value >= 0, 0);
}

function showOf(place: JsonObject): string {
  return showValue(place.values.get("partial_rotary_factor"));
}

function isSet({ values }: JsonObject, key: string): boolean {
  return (values.get(key) ?? null) !== null;
}
