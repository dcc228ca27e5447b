/** Continues one prompt; yields text as it becomes final. */
import type { ModelContext } from "../loading/model-context.js";
import { checkOptions } from "../options/check-options.js";
import { GENERATE_TYPES, type GenerateOptions } from "../sampling/options.js";
import type { RequestTraits } from "./completion.js";
import type { EncodedPrompt } from "./encode-prompt.js";
import type { StreamEvent } from "./results.js";
import { submitPrompt } from "./submit.js";

/** An abort ends the stream with finishReason "abort" and the text so far. */
export async function* streamText(
  model: ModelContext,
  prompt: EncodedPrompt,
  options: GenerateOptions,
  traits: RequestTraits = {},
): AsyncGenerator<StreamEvent, void, void> {
  checkOptions(options, GENERATE_TYPES);
  const { signal, onPrompt } = options;
  for await (const event of submitPrompt(model, prompt, options, { isWatched: true, ...traits }, signal)) {
    if (event.kind === "prefill") onPrompt?.(event.done, event.total);
    else if (event.kind === "token") yield { id: event.id, text: event.text, logprob: event.logprob, done: null };
    else if (event.kind === "end") yield { id: null, text: event.text, done: event.completion };
  }
}
