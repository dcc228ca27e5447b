/** Submits one prompt or dialog to the loop; its events carry text. Every way to complete a text comes through here. */
import { checkTexts } from "../chat/chat-format.js";
import type { Dialog } from "../chat/dialog.js";
import type { ModelContext } from "../loading/model-context.js";
import { either, LIST, TEXT } from "../options/check-options.js";
import { wrongType } from "../options/wrong-type.js";
import { GENERATE_TYPES, type GenerateOptions } from "../sampling/options.js";
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

export type SubmitOptions = Prompt & RequestOptions & { signal?: AbortSignal };

const { onPrompt: _, ...requestTypes } = GENERATE_TYPES;
const PROMPT = either(TEXT, { ...LIST, type: "a list of token ids" });
const MESSAGES = { ...LIST, type: "a list of messages" };
export const SUBMIT_TYPES = { ...requestTypes, prompt: PROMPT, messages: MESSAGES };

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

/** Token ids of a prompt, later for a long text. Throws LlamaError (usage) for a dialog that the format does not allow. */
export function promptIdsOf(model: ModelContext, request: Prompt): number[] | Promise<number[]> {
  if ("prompt" in request) {
    if (!PROMPT.isType(request.prompt)) throw wrongType("prompt", PROMPT.type, request.prompt);
    return model.promptIds(request.prompt);
  }
  const { messages } = request;
  if (!MESSAGES.isType(messages)) throw wrongType("messages", MESSAGES.type, messages);
  checkTexts(
    model.dialogFormat,
    messages.map(({ content }) => content),
  );
  return model.dialogFormat.encodeDialog(messages);
}

/**
 * Events of a completion of `promptIds`. Throws LlamaError at once for what cannot be run; for ids that come later, with the
 * first event. Leaving the events cancels it.
 */
export function submitPrompt(
  model: ModelContext,
  promptIds: number[] | Promise<number[]>,
  options: GenerateOptions,
  traits: RequestTraits = {},
  signal?: AbortSignal,
): AsyncIterableIterator<CompletionEvent> {
  const begin = (ids: number[]) => {
    const completion = new RunningCompletion(model, ids, options, traits);
    return { completion, events: model.loop.submit(completion.request, signal) };
  };
  const running = Array.isArray(promptIds) ? begin(promptIds) : promptIds.then(begin);
  // It is thrown with the first event.
  if (running instanceof Promise) running.catch(() => {});
  return {
    async next() {
      const { completion, events } = await running;
      const result = await events.next();
      return result.done ? result : { value: withText(completion, result.value), done: false };
    },
    async return() {
      const { events } = await running;
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
