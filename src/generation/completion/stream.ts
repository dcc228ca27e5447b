/** Continues one prompt; yields text as it becomes final. */
import type { ModelContext } from "../loading/model-context.js";
import type { GenerateOptions } from "../sampling/options.js";
import { type RequestTraits, RunningCompletion } from "./completion.js";
import type { StreamEvent } from "./results.js";

export async function* streamText(
  model: ModelContext,
  promptIds: number[],
  options: GenerateOptions,
  traits: RequestTraits = {},
): AsyncGenerator<StreamEvent, void, void> {
  const { signal, onPrompt } = options;
  const answer = new RunningCompletion(model, promptIds, options, { isWatched: true, ...traits });
  for await (const event of model.loop.submit(answer.request, signal)) {
    if (event.kind === "prefill") {
      answer.prefilled(event);
      onPrompt?.(event.done, event.total);
    } else if (event.kind === "token") yield { ...answer.add(event), done: null };
    else if (event.kind === "end") {
      const { text, completion } = answer.end(event);
      yield { id: null, text, done: { ...completion, timings: answer.stats.timings() } };
    }
  }
}
