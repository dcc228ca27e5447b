/** Submits one prompt or dialog to the loop; its events carry text. Every way to complete a text comes through here. */
import { checkTexts } from "../chat/chat-format.js";
import type { Dialog } from "../chat/dialog.js";
import type { ModelContext } from "../loading/model-context.js";
import type { GenerateOptions } from "../sampling/options.js";
import type { PrefillEvent, QueuedEvent, RequestEvent } from "../scheduling/request.js";
import { type RequestTraits, RunningCompletion } from "./completion.js";
import type { Completion } from "./results.js";
import type { TokenLogprob } from "./token-logprobs.js";

/** A prompt, or a dialog in the chat format of the tokenizer's family, as Meta's code writes it. */
export type Prompt =
  | {
      /** A text gets a beginning-of-sentence token; token ids are taken as they are. */
      prompt: string | readonly number[];
    }
  | { messages: Dialog };

export type RequestOptions = Omit<GenerateOptions, "onPrompt" | "signal">;

/** What happens to a request, in this order: queued, prefill (several), token (any number), end. */
export type CompletionEvent =
  | QueuedEvent
  | PrefillEvent
  | {
      kind: "token";
      id: number /** May be empty while a character is incomplete. */;
      text: string;
      logprob: TokenLogprob | null;
    }
  | { kind: "end" /** Text that was held back until now. */; text: string; completion: Completion };

/** Token ids of a prompt. Throws LlamaError (usage) for a dialog that the format does not allow. */
export function promptIdsOf(model: ModelContext, request: Prompt): number[] {
  if ("prompt" in request) return model.promptIds(request.prompt);
  const { messages } = request;
  checkTexts(
    model.dialogFormat,
    messages.map(({ content }) => content),
  );
  return model.dialogFormat.encodeDialog(messages);
}

/** Events of a completion of `promptIds`. Throws LlamaError at once for what cannot be run. Leaving the events cancels it. */
export function submitPrompt(
  model: ModelContext,
  promptIds: number[],
  options: GenerateOptions,
  traits: RequestTraits = {},
  signal?: AbortSignal,
): AsyncIterableIterator<CompletionEvent> {
  const completion = new RunningCompletion(model, promptIds, options, traits);
  const events = model.loop.submit(completion.request, signal);
  return {
    async next() {
      const result = await events.next();
      return result.done ? result : { value: withText(completion, result.value), done: false };
    },
    async return() {
      await events.return?.();
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function withText(completion: RunningCompletion, event: RequestEvent): CompletionEvent {
  switch (event.kind) {
    case "queued":
      return event;
    case "prefill":
      completion.prefilled(event);
      return event;
    case "token":
      return { kind: "token", ...completion.add(event) };
    case "end":
      return { kind: "end", ...completion.end(event) };
  }
}
