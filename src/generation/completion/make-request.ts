/** Makes a request for the loop from resolved options: the sampler with its random numbers and penalties, and the stop strings of its text. */

import type { ResolvedSampling } from "../sampling/options.js";
import { Penalties } from "../sampling/penalties.js";
import { createRandom } from "../sampling/random.js";
import { createSampler } from "../sampling/sampler.js";
import type { GenerationRequest } from "../scheduling/request.js";
import type { CompletionText } from "./completion-text.js";

/** Each token that is sampled becomes the next one, drafted before or not: so the penalties count what they have sampled themselves. */
export function createRequest(
  base: Omit<GenerationRequest, "sample" | "push">,
  sampling: ResolvedSampling,
  text: CompletionText | null = null,
): GenerationRequest {
  const sampler = createSampler(sampling);
  const random = createRandom(sampling.seed);
  const penalties = Penalties.isActive(sampling) ? new Penalties(sampling, base.promptIds) : null;
  const sample = (rows: Float32Array) => {
    const logits = rows.subarray(0, base.tokenCount);
    if (!penalties) return sampler(logits, random);
    const id = sampler(penalties.apply(logits), random);
    penalties.push(id);
    return id;
  };
  return { ...base, sample, ...(text && { push: (id: number) => text.push(id) }) };
}
