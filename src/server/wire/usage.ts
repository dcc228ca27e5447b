/** Counts and times of an answer: OpenAI's `usage`, llama.cpp's `timings`. */
import type { OpenChoice } from "../serving/admission.js";
import type { ChoiceResult } from "../serving/run-choices.js";

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details: { cached_tokens: number };
}

/** `prompts`: a result of each prompt, which is counted once; `hidden` of its tokens are not reported. */
export function usageOf(prompts: readonly ChoiceResult[], choices: readonly ChoiceResult[], hidden: number): Usage {
  const sum = (results: readonly ChoiceResult[], count: (result: ChoiceResult) => number) =>
    results.reduce((total, result) => total + count(result), 0);
  const prompt = sum(prompts, ({ completion }) => completion.promptIds.length) - hidden;
  const generated = sum(choices, generatedTokens);
  return {
    prompt_tokens: prompt,
    completion_tokens: generated,
    total_tokens: prompt + generated,
    prompt_tokens_details: {
      cached_tokens: Math.min(
        prompt,
        sum(prompts, ({ completion }) => completion.reusedTokens),
      ),
    },
  };
}

/** New tokens, the stop token included. */
export function generatedTokens({ completion: { ids, stopId } }: ChoiceResult): number {
  return ids.length + (stopId === null ? 0 : 1);
}

/** Wall time of a choice. */
export function timingsOf(result: ChoiceResult) {
  const { completion, ...times } = result;
  const counts = { prompt: completion.promptIds.length, cached: completion.reusedTokens };
  return {
    ...timings({ ...counts, generated: generatedTokens(result), ...times }),
    draft_n: completion.timings.draftTokens,
    draft_n_accepted: completion.timings.acceptedTokens,
  };
}

/** Wall time of a choice up to now. */
export function timingsSoFar({ prompt, cached, predicted: generated, since, begunAt, firstAt }: OpenChoice) {
  const now = performance.now();
  const [begun, first] = [begunAt ?? now, firstAt ?? now];
  const times = { queueMs: begun - since, promptMs: first - begun, textMs: now - first };
  return timings({ prompt, cached, generated, ...times });
}

function timings(one: {
  prompt: number;
  cached: number;
  generated: number;
  queueMs: number;
  promptMs: number;
  textMs: number;
}) {
  const computed = one.prompt - one.cached;
  return {
    cache_n: one.cached,
    prompt_n: computed,
    prompt_ms: round(one.promptMs),
    prompt_per_second: rate(computed, one.promptMs),
    predicted_n: one.generated,
    predicted_ms: round(one.textMs),
    predicted_per_second: rate(Math.max(0, one.generated - 1), one.textMs),
    queue_ms: round(one.queueMs),
  };
}

function rate(tokens: number, ms: number): number {
  return ms > 0 ? round((tokens * 1000) / ms) : 0;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
