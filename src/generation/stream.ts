/** Continues one prompt and hands out text as it becomes final. */
import { generateTokens, type KeptSequence } from "./generate.js";
import type { GenerateOptions } from "./options.js";
import type { StreamEvent } from "./results.js";
import { RowCompletion } from "./row-completion.js";
import type { RunContext } from "./run-context.js";
import { GenerationStats } from "./stats.js";

/** With `kept` in a sequence of the caller's, which may hold the beginning of the prompt. */
export async function* streamText(
  run: RunContext,
  promptIds: number[],
  options: GenerateOptions,
  kept?: KeptSequence,
): AsyncGenerator<StreamEvent, void, void> {
  const answer = new RowCompletion(run, promptIds, options, kept);
  const speculation = run.speculation(options, answer.sampling);
  const stats = new GenerationStats();
  const { signal, onPrompt } = options;
  for await (const event of generateTokens(run.engine, [answer.row], stats, speculation, signal, onPrompt)) {
    if (event.id !== null) {
      yield { ...answer.add(event), done: null };
    } else {
      const { text, completion } = answer.end(event.finishReason);
      yield { id: null, text, done: { ...completion, timings: stats.timings() } };
    }
  }
}
