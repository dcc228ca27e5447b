/** Rotary position tables: the cosines and sines by which each pair of a head is rotated. Does not know tokens. */
import type { ModelConfig, RopeScaling } from "../config/config.js";

/** cos and sin, each [positions, headDim / 2]; pair j of a head is what `rotation` of the config says. */
export interface RopeTables {
  cos: Float32Array;
  sin: Float32Array;
}

/** Tables for positions 0 to `positions` - 1, rounded to float32 at the same steps as Meta's precompute_freqs_cis. */
export function ropeTables(config: ModelConfig, positions: number): RopeTables {
  const frequencies = ropeFrequencies(config);
  const pairs = frequencies.length;
  const cos = new Float32Array(positions * pairs);
  const sin = new Float32Array(positions * pairs);
  for (let position = 0; position < positions; position++) {
    for (let pair = 0; pair < pairs; pair++) {
      const angle = Math.fround(position * frequencies[pair]!);
      cos[position * pairs + pair] = Math.cos(angle);
      sin[position * pairs + pair] = Math.sin(angle);
    }
  }
  return { cos, sin };
}

/** Angle per position of each pair [headDim / 2]: theta^(-2j / headDim), scaled if the config says so. */
export function ropeFrequencies({ headDim, ropeScaling, ropeTheta }: ModelConfig): Float32Array {
  return Float32Array.from({ length: headDim / 2 }, (_, pair) => {
    const power = Math.fround(ropeTheta ** Math.fround((2 * pair) / headDim));
    const frequency = Math.fround(1 / power);
    return ropeScaling === null ? frequency : scale(frequency, ropeScaling);
  });
}

/** Divides low frequencies by `factor`, keeps high ones and interpolates between them (llama-models, apply_scaling). */
function scale(frequency: number, { factor, lowFreqFactor, highFreqFactor, oldContext }: RopeScaling): number {
  const wavelength = Math.fround((2 * Math.PI) / frequency);
  if (wavelength < oldContext / highFreqFactor) return frequency;
  if (wavelength > oldContext / lowFreqFactor) return frequency / factor;
  const kept = (oldContext / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  return ((1 - kept) * frequency) / factor + kept * frequency;
}
