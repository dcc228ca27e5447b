/** Reads the settings of rotation in the metadata of a GGUF file, as llama.cpp does. Does not know frequencies. */
import { LlamaError } from "../../error.js";
import { badValue, integer, type JsonObject, number } from "../../formats/files/json-file.js";
import { showValue } from "../../formats/files/json-value.js";
import type { ModelConfig, RopeScaling } from "./config.js";
import { LIMITS } from "./meta-params.js";

export type GgufRope = Pick<ModelConfig, "ropeTheta" | "ropeScaling">;

/** Keys of an architecture that are read here. */
export const GGUF_ROPE_KEYS = [
  ...["rope.dimension_count", "rope.freq_base", "rope.scale_linear", "rope.scaling.type", "rope.scaling.factor"],
  ...["rope.scaling.original_context_length", "rope.scaling.attn_factor", "rope.scaling.finetuned"],
  ...["rope.scaling.yarn_beta_fast", "rope.scaling.yarn_beta_slow", "rope.scaling.yarn_ext_factor"],
  ...["rope.scaling.yarn_attn_factor", "rope.scaling.yarn_log_multiplier"],
];

/**
 * The settings; `factors` has a divisor for the frequency of each pair, which files of Llama 3.1 and later have instead of its
 * kind of scaling. Throws a LlamaError for a kind that is not known and for a bad value.
 */
export function readGgufRope(raw: JsonObject, headDim: number, factors: Float32Array | null): GgufRope {
  const ropeTheta = positive(raw, "rope.freq_base", 10000);
  const ropeScaling = readScaling(raw, ropeTheta);
  if (factors === null) return { ropeTheta, ropeScaling };
  const where = `${raw.file}: rope_freqs.weight`;
  if (factors.length !== headDim / 2) {
    const [expected, found] = [`${headDim / 2} numbers, half the size of a head`, String(factors.length)];
    throw new LlamaError("model", "has the wrong size", { where, expected, found });
  }
  const bad = factors.find((factor) => !(factor > 0 && Number.isFinite(factor)));
  if (bad !== undefined) {
    throw new LlamaError("model", "has a bad factor", { where, expected: "positive numbers", found: String(bad) });
  }
  if (ropeScaling === null) return { ropeTheta, ropeScaling: { kind: "factors", factors: [...factors] } };
  throw new LlamaError("model", "rotation is scaled in two ways", {
    where,
    expected: "factors of frequencies or rope.scaling.type",
    found: `both (${ropeScaling.kind})`,
  });
}

/** A factor without a type is linear, and 0 counts as absent (llama.cpp, load_hparams). */
function readScaling(raw: JsonObject, theta: number): RopeScaling | null {
  const type = raw.values.get("rope.scaling.type") ?? "linear";
  const key = raw.values.has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear";
  const factor = number(raw, key, "a number of at least 0", (value) => value >= 0, 0) || 1;
  if (type === "none" || factor === 1) return null;
  if (type === "linear") return { kind: "linear", factor };
  if (type !== "yarn") {
    throw new LlamaError("model", `rope scaling of type ${showValue(type)} is not supported`, {
      where: raw.file,
      expected: "none, linear or yarn",
      fix: "Use a version of the model without an extended context",
    });
  }
  if (theta === 1) throw badValue(raw, "rope.freq_base", "a number other than 1", "1");
  for (const [name, neutral] of [["yarn_ext_factor", 1] as const, ["yarn_log_multiplier", 0] as const]) {
    const value = number(raw, `rope.scaling.${name}`, "a number", () => true, neutral);
    if (value !== neutral && value >= 0) throw badValue(raw, `rope.scaling.${name}`, String(neutral), String(value));
  }
  const context = integer(raw, "context_length", LIMITS.context);
  return {
    kind: "yarn",
    factor,
    betaFast: positive(raw, "rope.scaling.yarn_beta_fast", 32),
    betaSlow: positive(raw, "rope.scaling.yarn_beta_slow", 1),
    isTruncated: true,
    attentionFactor: positive(raw, "rope.scaling.attn_factor", 1) * (factor <= 1 ? 1 : 0.1 * Math.log(factor) + 1),
    oldContext: integer(raw, "rope.scaling.original_context_length", LIMITS.context, context),
  };
}

function positive(raw: JsonObject, key: string, fallback: number): number {
  return number(raw, key, "a positive number", (value) => value > 0, fallback);
}
