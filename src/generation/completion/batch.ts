/** Many prompts or dialogs, each answered when its text is whole. Does not know files or lines, nor what runs when. */
import type { LlamaError } from "../../error.js";
import type { ModelContext } from "../loading/model-context.js";
import { checkOptions, type OptionTypes } from "../options/check-options.js";
import { GENERATE_TYPES, type GenerateOptions } from "../sampling/options.js";
import { FEED_TYPES, type FeedOptions, type Refused, type Requests } from "../scheduling/in-flight.js";
import { GenerationStats } from "../scheduling/stats.js";
import { encodePrompt, type Prompt } from "./encode-prompt.js";
import type { BatchCompletion } from "./results.js";
import { type RequestOptions, submitPrompt } from "./submit.js";

export type BatchRequestOptions = Omit<RequestOptions, "promptLookupNumTokens">;

const { promptLookupNumTokens, onPrompt: _onPrompt, signal: _signal, ...REQUEST_TYPES } = GENERATE_TYPES;

/** A prompt or a dialog, and a tag that comes back with its answer. */
type PromptRequest<T> = Prompt & { tag: T; options?: BatchRequestOptions };

export type BatchRequest<T> = PromptRequest<T> | Refused<T>;

export type BatchOptions = FeedOptions & Pick<GenerateOptions, "promptLookupNumTokens">;

const BATCH_TYPES: OptionTypes<BatchOptions> = { ...FEED_TYPES, promptLookupNumTokens };

export type BatchAnswer<T> =
  | { tag: T; completion: BatchCompletion; error: null }
  | { tag: T; completion: null; error: LlamaError };

export function runBatch<T>(
  model: ModelContext,
  requests: Requests<BatchRequest<T>>,
  options: BatchOptions,
): AsyncGenerator<BatchAnswer<T>, void, void> {
  checkOptions(options, BATCH_TYPES);
  const { promptLookupNumTokens, stats = new GenerationStats() } = options;
  const run = async (request: BatchRequest<T>, signal: AbortSignal): Promise<BatchAnswer<T>> => {
    const { tag } = request;
    try {
      if ("refused" in request) throw request.refused;
      checkOptions(request.options ?? {}, REQUEST_TYPES);
      const settings = { ...request.options, ...(promptLookupNumTokens !== undefined && { promptLookupNumTokens }) };
      const traits = { isDisposable: true, stats };
      const prompt = encodePrompt(model, request, request.options?.parseSpecial);
      for await (const event of submitPrompt(model, prompt, settings, traits, signal)) {
        if (event.kind !== "end") continue;
        const { timings: _, ...completion } = event.completion;
        if (completion.finishReason === "abort") throw signal.reason;
        return { tag, completion, error: null };
      }
      throw new Error("a request ended without an event");
    } catch (error) {
      return { tag, completion: null, error: model.ownError(error) };
    }
  };
  return model.feed(requests, run, options);
}
