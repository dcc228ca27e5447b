/** Continues one prompt and hands out text as it becomes final. */
import { generateTokens, type KeptSequence } from "./generate.js";
import type { GenerateOptions } from "./options.js";
import type { StreamEvent } from "./results.js";
import type { RunContext } from "./run-context.js";
import { GenerationStats } from "./stats.js";
import { TokenScores } from "./token-scores.js";

/** With `kept` in a sequence of the caller's, which may hold the beginning of the prompt. */
export async function* streamText(
  run: RunContext,
  promptIds: number[],
  options: GenerateOptions,
  kept?: KeptSequence,
): AsyncGenerator<StreamEvent, void, void> {
  const { row, sampling, text } = run.prepare(promptIds, options, kept);
  const speculation = run.speculation(options, sampling);
  const stats = new GenerationStats();
  const scores = new TokenScores(run.tokenizer, promptIds, options);
  const ids: number[] = [];
  const { signal, onPrompt } = options;
  for await (const event of generateTokens(run.engine, [scores.row(row)], stats, speculation, signal, onPrompt)) {
    if (event.id === null) {
      text.flush();
      ids.length = text.idCount;
      scores.cut(ids.length);
      const { finishReason } = event;
      const { seed } = sampling;
      const logprobs = { logprobs: scores.tokens, promptLogprobs: scores.prompt };
      const done = { text: text.text, ids, promptIds, finishReason, seed, timings: stats.timings(), ...logprobs };
      yield { id: null, text: text.take(), done };
    } else {
      ids.push(event.id);
      const fresh = text.take();
      yield { id: event.id, text: fresh, logprob: scores.add(event, fresh), done: null };
    }
  }
}
