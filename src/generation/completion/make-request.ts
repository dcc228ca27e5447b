/** Makes a row of the loop from what was asked for: the sampler with its random numbers and penalties, and the text's stop strings. */

import type { ResolvedSampling } from "../sampling/options.js";
import { Penalties } from "../sampling/penalties.js";
import { createRandom } from "../sampling/random.js";
import { createSampler } from "../sampling/sampler.js";
import type { GenerationRequest } from "../scheduling/request.js";
import type { CompletionText } from "./completion-text.js";

/**
 * Each token that is sampled becomes the next of the row, guessed before or not, so the penalties need no other word of
 * the text than what they have given themselves.
 */
export function createRequest(
  row: Omit<GenerationRequest, "sample" | "push">,
  sampling: ResolvedSampling,
  text: CompletionText | null = null,
): GenerationRequest {
  const sampler = createSampler(sampling);
  const random = createRandom(sampling.seed);
  const penalties = Penalties.isActive(sampling) ? new Penalties(sampling, row.promptIds) : null;
  const sample = (logits: Float32Array) => {
    if (!penalties) return sampler(logits, random);
    const id = sampler(penalties.apply(logits), random);
    penalties.push(id);
    return id;
  };
  return { ...row, sample, ...(text && { push: (id: number) => text.push(id) }) };
}
