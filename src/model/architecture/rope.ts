/** Rotary position tables: the cosines and sines by which each pair of a head is rotated. Does not know tokens. */
import type { LlamaScaling, ModelConfig, YarnScaling } from "../config/config.js";

/** cos and sin, each [positions, headDim / 2]; pair j of a head is what `rotation` of the config says. */
export interface RopeTables {
  cos: Float32Array;
  sin: Float32Array;
}

const { fround } = Math;

/** Tables for positions 0 to `positions` - 1, rounded to float32 at the same steps as Meta's precompute_freqs_cis. */
export function ropeTables(config: ModelConfig, positions: number): RopeTables {
  const frequencies = ropeFrequencies(config);
  const factor = fround(attentionFactor(config));
  const pairs = frequencies.length;
  const cos = new Float32Array(positions * pairs);
  const sin = new Float32Array(positions * pairs);
  for (let position = 0; position < positions; position++) {
    for (let pair = 0; pair < pairs; pair++) {
      const angle = fround(position * frequencies[pair]!);
      cos[position * pairs + pair] = fround(Math.cos(angle)) * factor;
      sin[position * pairs + pair] = fround(Math.sin(angle)) * factor;
    }
  }
  return { cos, sin };
}

/**
 * Whether a token is rotated by frequencies of its own: with dynamic scaling, if its sequence is longer than the model was trained
 * for. `length` is that of the prompt for all of its tokens, and counts the tokens up to a new one for that.
 */
export function isStretched({ ropeScaling }: Pick<ModelConfig, "ropeScaling">, length: number): boolean {
  return ropeScaling?.kind === "dynamic" && length > ropeScaling.oldContext;
}

/** A row of the tables for each token: its position, and the length of its sequence (see isStretched). */
export function ropeRows(config: ModelConfig, tokens: readonly { position: number; length: number }[]): RopeTables {
  const pairs = config.headDim / 2;
  const cos = new Float32Array(tokens.length * pairs);
  const sin = new Float32Array(tokens.length * pairs);
  let frequencies: Float32Array | undefined;
  for (const [i, { position, length }] of tokens.entries()) {
    if (length !== tokens[i - 1]?.length) frequencies = undefined;
    frequencies ??= ropeFrequencies({ ...config, ropeTheta: dynamicTheta(config, length) });
    for (let pair = 0; pair < pairs; pair++) {
      const angle = fround(position * frequencies[pair]!);
      cos[i * pairs + pair] = Math.cos(angle);
      sin[i * pairs + pair] = Math.sin(angle);
    }
  }
  return { cos, sin };
}

/** The theta of a sequence of `length` tokens, rounded to float32 at transformers' steps (_compute_dynamic_ntk_parameters). */
export function dynamicTheta(
  { headDim, ropeTheta, ropeScaling }: Pick<ModelConfig, "headDim" | "ropeScaling" | "ropeTheta">,
  length: number,
): number {
  if (ropeScaling?.kind !== "dynamic" || length <= ropeScaling.oldContext || headDim === 2) return ropeTheta;
  const { factor, oldContext } = ropeScaling;
  const stretch = fround(fround(fround(factor) * length) / oldContext) - fround(factor - 1);
  return fround(fround(ropeTheta) * fround(fround(stretch) ** fround(headDim / (headDim - 2))));
}

/** What cosines and sines are multiplied with: YaRN makes attention sharper in this way. */
export function attentionFactor({ ropeScaling }: Pick<ModelConfig, "ropeScaling">): number {
  return ropeScaling?.kind === "yarn" ? ropeScaling.attentionFactor : 1;
}

/**
 * Angle per position of each pair [headDim / 2]: theta^(-2j / headDim), scaled if the config says so. Rounded to float32 at the
 * same steps as Meta's code and transformers' (modeling_rope_utils.py).
 */
export function ropeFrequencies({
  headDim,
  ropeScaling,
  ropeTheta,
}: Pick<ModelConfig, "headDim" | "ropeScaling" | "ropeTheta">): Float32Array {
  const powers = Float32Array.from({ length: headDim / 2 }, (_, pair) => {
    return fround(ropeTheta) ** fround((2 * pair) / headDim);
  });
  const plain = powers.map((power) => 1 / power);
  switch (ropeScaling?.kind) {
    case "linear":
      return plain.map((frequency) => frequency / fround(ropeScaling.factor));
    case "llama3":
      return plain.map((frequency) => smooth(frequency, ropeScaling));
    case "factors":
      return plain.map((frequency, pair) => frequency / fround(ropeScaling.factors[pair]!));
    case "yarn":
      return ramp(powers, plain, ropeTheta, ropeScaling);
    default:
      return plain;
  }
}

/** Divides low frequencies by `factor`, keeps high ones and interpolates between them (llama-models, apply_scaling). */
function smooth(frequency: number, { factor, lowFreqFactor, highFreqFactor, oldContext }: LlamaScaling): number {
  const wavelength = fround((2 * Math.PI) / frequency);
  if (wavelength < oldContext / highFreqFactor) return frequency;
  if (wavelength > oldContext / lowFreqFactor) return frequency / factor;
  const kept = (oldContext / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  return ((1 - kept) * frequency) / factor + kept * frequency;
}

/** Keeps the frequencies of the first pairs, divides those of the last by `factor`, with a ramp between them (transformers, _compute_yarn_parameters). */
function ramp(
  powers: Float32Array,
  plain: Float32Array,
  theta: number,
  { factor, betaFast, betaSlow, isTruncated, oldContext }: YarnScaling,
): Float32Array {
  const dim = 2 * powers.length;
  // The place of the pair that turns `rotations` times within the old context, not rounded.
  const pairOf = (rotations: number) =>
    (dim * Math.log(oldContext / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  const [from, to] = [pairOf(betaFast), pairOf(betaSlow)];
  const low = Math.max(isTruncated ? Math.floor(from) : from, 0);
  const high = Math.min(isTruncated ? Math.ceil(to) : to, dim - 1);
  const width = fround(low === high ? 0.001 : high - low);
  return plain.map((frequency, pair) => {
    const kept = fround(1 - Math.min(1, Math.max(0, fround(fround(pair - fround(low)) / width))));
    const divided = fround(1 / fround(fround(factor) * powers[pair]!));
    return fround(divided * fround(1 - kept)) + fround(frequency * kept);
  });
}
