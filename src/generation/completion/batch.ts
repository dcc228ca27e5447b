/** Many prompts or dialogs, each answered when its text is whole. Does not know files or lines, nor what runs when. */
import type { LlamaError } from "../../error.js";
import type { ModelContext } from "../loading/model-context.js";
import type { GenerateOptions } from "../sampling/options.js";
import type { FeedOptions, Refused, Requests } from "../scheduling/in-flight.js";
import { GenerationStats } from "../scheduling/stats.js";
import type { BatchCompletion } from "./results.js";
import { type Prompt, promptIdsOf, type RequestOptions, submitPrompt } from "./submit.js";

export type BatchRequestOptions = Omit<RequestOptions, "promptLookupNumTokens">;

/** A prompt or a dialog, and a tag that comes back with its answer. */
type PromptRequest<T> = Prompt & { tag: T; options?: BatchRequestOptions };

export type BatchRequest<T> = PromptRequest<T> | Refused<T>;

export type BatchOptions = FeedOptions & Pick<GenerateOptions, "promptLookupNumTokens">;

export type BatchAnswer<T> =
  | { tag: T; completion: BatchCompletion; error: null }
  | { tag: T; completion: null; error: LlamaError };

export function runBatch<T>(
  model: ModelContext,
  requests: Requests<BatchRequest<T>>,
  options: BatchOptions,
): AsyncGenerator<BatchAnswer<T>, void, void> {
  const { promptLookupNumTokens, stats = new GenerationStats() } = options;
  const run = async (request: BatchRequest<T>, signal: AbortSignal): Promise<BatchAnswer<T>> => {
    const { tag } = request;
    try {
      if ("refused" in request) throw request.refused;
      const settings = { ...request.options, ...(promptLookupNumTokens !== undefined && { promptLookupNumTokens }) };
      const traits = { isDisposable: true, stats };
      for await (const event of submitPrompt(model, await promptIdsOf(model, request), settings, traits, signal)) {
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
