/** Many requests through one model, each answered when its text is whole. Knows texts; not files or lines, nor which rows run when. */
import type { LlamaError } from "../../error.js";
import { checkTexts } from "../chat/chat-format.js";
import type { Dialog } from "../chat/dialog.js";
import type { ModelContext } from "../loading/model-context.js";
import type { GenerateOptions } from "../sampling/options.js";
import { type FeedOptions, feedRequests, type Refused, type Requests } from "../scheduling/request-feed.js";
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

export async function* runBatch<T>(
  run: ModelContext,
  requests: Requests<BatchRequest<T>>,
  options: BatchOptions,
): AsyncGenerator<BatchAnswer<T>, void, void> {
  const enter = (request: PromptRequest<T>) => {
    const entry = new RunningCompletion(run, promptIdsOf(run, request), request.options ?? {});
    return { row: entry.row, entry };
  };
  // Requests may sample, so the clock has no say.
  const speculation = run.speculation(options, { temperature: 1 });
  for await (const { tag, entry, event, error } of feedRequests(run.engine, requests, enter, speculation, options)) {
    if (error) yield { tag, completion: null, error };
    else if (event.id !== null) entry.add(event);
    else yield { tag, completion: entry.end(event.finishReason).completion, error: null };
  }
}

function promptIdsOf<T>(run: ModelContext, request: PromptRequest<T>): number[] {
  if ("prompt" in request) return run.promptIds(request.prompt);
  const { messages } = request;
  const texts = messages.map(({ content }) => content);
  checkTexts(run.dialogFormat, texts);
  return run.dialogFormat.encodeDialog(messages);
}
