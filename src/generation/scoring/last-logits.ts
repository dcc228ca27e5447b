/** Runs ids for the logits after the last one. */
import type { ModelContext } from "../loading/model-context.js";
import { checkPrompt } from "../scheduling/prompt-check.js";

/** Logits [vocabSize]. Throws LlamaError (usage) for ids outside the vocabulary, or too many for the context. */
export async function lastLogits(model: ModelContext, ids: readonly number[]): Promise<Float32Array> {
  checkPrompt(ids, 0, model);
  let last: Float32Array | null = null;
  const take = (_: number, logits: Float32Array) => {
    last = logits.slice();
  };
  const score = { from: ids.length - 1, take };
  const rest = { maxTokens: 0, sample: () => 0, stopIds: new Set<number>(), logprobs: false };
  for await (const _ of model.loop.submit({ promptIds: ids, score, ...rest })) {
    // The logits come by the way of `take`.
  }
  return last!;
}
