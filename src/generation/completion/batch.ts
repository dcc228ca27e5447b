/** Many prompts or dialogs, each answered when its text is whole. Does not know files or lines, nor what runs when. */
import type { LlamaError } from "../../error.js";
import { checkTexts } from "../chat/chat-format.js";
import type { Dialog } from "../chat/dialog.js";
import type { ModelContext } from "../loading/model-context.js";
import type { GenerateOptions } from "../sampling/options.js";
import type { FeedOptions, Refused, Requests } from "../scheduling/in-flight.js";
import { GenerationStats } from "../scheduling/stats.js";
import { RunningCompletion } from "./completion.js";
import type { BatchCompletion } from "./results.js";

export type BatchRequestOptions = Omit<GenerateOptions, "promptLookupNumTokens" | "onPrompt" | "signal">;

/** A prompt or a dialog, and a tag that comes back with its answer. */
type PromptRequest<T> = {
  tag: T;
  options?: BatchRequestOptions;
} & (
  | {
      /** A text gets a beginning-of-sentence token; token ids are taken as they are. */
      prompt: string | readonly number[];
    }
  | {
      /** Written in the chat format of the tokenizer's family, as Meta's code does. */
      messages: Dialog;
    }
);

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
      const answer = new RunningCompletion(model, promptIdsOf(model, request), settings, { isDisposable: true, stats });
      for await (const event of model.loop.submit(answer.request, signal)) {
        if (event.kind === "prefill") answer.prefilled(event);
        else if (event.kind === "token") answer.add(event);
        else if (event.kind === "end" && event.reason === "abort") throw signal.reason;
        else if (event.kind === "end") return { tag, completion: answer.end(event).completion, error: null };
      }
      throw new Error("a request ended without an event");
    } catch (error) {
      return { tag, completion: null, error: model.ownError(error) };
    }
  };
  return model.feed(requests, run, options);
}

function promptIdsOf<T>(model: ModelContext, request: PromptRequest<T>): number[] {
  if ("prompt" in request) return model.promptIds(request.prompt);
  const { messages } = request;
  const texts = messages.map(({ content }) => content);
  checkTexts(model.dialogFormat, texts);
  return model.dialogFormat.encodeDialog(messages);
}
