/** Continues one prompt and hands out text as it becomes final. */

import type { ModelContext } from "../loading/model-context.js";
import type { GenerateOptions } from "../sampling/options.js";
import { generateTokens } from "../scheduling/loop.js";
import type { KeptSequence } from "../scheduling/request.js";
import { GenerationStats } from "../scheduling/stats.js";
import { RunningCompletion } from "./completion.js";
import type { StreamEvent } from "./results.js";

/** With `kept` in a sequence of the caller's, which may hold the beginning of the prompt. */
export async function* streamText(
  run: ModelContext,
  promptIds: number[],
  options: GenerateOptions,
  kept?: KeptSequence,
): AsyncGenerator<StreamEvent, void, void> {
  const answer = new RunningCompletion(run, promptIds, options, kept);
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
