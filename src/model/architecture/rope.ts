/** Rotary position tables: the cosines and sines each pair of a head is turned by. Knows positions, not tokens. */
import type { ModelConfig, RopeScaling } from "../config/config.js";

/** cos and sin, each [positions, headDim / 2]; pair j of a head is its neighbours 2j and 2j+1. */
export interface RopeTables {
  cos: Float32Array;
  sin: Float32Array;
}

/** Tables for positions 0 up to `positions`, rounded to float32 where Meta's precompute_freqs_cis is. */
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

/** Angle per position of each pair [headDim / 2]: theta^(-2j / headDim), scaled where the model asks for it. */
export function ropeFrequencies({ headDim, ropeScaling, ropeTheta }: ModelConfig): Float32Array {
  return Float32Array.from({ length: headDim / 2 }, (_, pair) => {
    const power = Math.fround(ropeTheta ** Math.fround((2 * pair) / headDim));
    const frequency = Math.fround(1 / power);
    return ropeScaling === null ? frequency : scale(frequency, ropeScaling);
  });
}

/** Slow rotations are slowed by `factor`, fast ones kept, those between blended (llama-models, apply_scaling). */
function scale(frequency: number, { factor, lowFreqFactor, highFreqFactor, oldContext }: RopeScaling): number {
  const wavelength = Math.fround((2 * Math.PI) / frequency);
  if (wavelength < oldContext / highFreqFactor) return frequency;
  if (wavelength > oldContext / lowFreqFactor) return frequency / factor;
  const kept = (oldContext / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  return ((1 - kept) * frequency) / factor + kept * frequency;
}
