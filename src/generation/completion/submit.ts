/** Submits one prompt or dialog to the loop; its events carry text. Every way to complete a text comes through here. */
import { CHAT_CHOICE } from "../chat/chat-choice.js";
import { type ChatChoice, type ChatFormat, checkTexts, NO_STOPS } from "../chat/chat-format.js";
import { checkRoles, type Dialog, type DialogInput, readDialog } from "../chat/dialog.js";
import type { ModelContext } from "../loading/model-context.js";
import { either, LIST, TEXT } from "../options/check-options.js";
import { wrongType } from "../options/wrong-type.js";
import { GENERATE_TYPES, type GenerateOptions } from "../sampling/options.js";
import type { PrefillEvent, QueuedEvent, RequestEvent } from "../scheduling/request.js";
import { type RequestTraits, RunningCompletion } from "./completion.js";
import type { Completion } from "./results.js";
import type { TokenLogprob } from "./token-logprobs.js";

/** Messages to answer, and the chat format to write them in: by default the model's template, or that of Meta's code. */
export interface ChatPrompt {
  messages: DialogInput;
  chat?: ChatChoice;
}

export type Prompt =
  | {
      /** A text gets a beginning-of-sentence token; token ids are taken as they are. */
      prompt: string | readonly number[];
    }
  | ChatPrompt;

/** The ids of a prompt, later for a long text, and the tokens that end its answer beside the model's stops. */
export interface EncodedPrompt {
  ids: number[] | Promise<number[]>;
  stopIds: ReadonlySet<number>;
}

export type RequestOptions = Omit<GenerateOptions, "onPrompt" | "signal">;

export type SubmitOptions = Prompt & RequestOptions & { signal?: AbortSignal };

const { onPrompt: _, ...requestTypes } = GENERATE_TYPES;
const PROMPT = either(TEXT, { ...LIST, type: "a list of token ids" });
const MESSAGES = { ...LIST, type: "a list of messages" };
export const SUBMIT_TYPES = { ...requestTypes, prompt: PROMPT, messages: MESSAGES, chat: CHAT_CHOICE };

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

/** Encodes a prompt. `special`: names of special tokens in a text become those tokens. Throws LlamaError (usage) for a dialog that the format does not allow. */
export function encodePrompt(model: ModelContext, request: Prompt, special = false): EncodedPrompt {
  if ("prompt" in request) {
    if (!PROMPT.isType(request.prompt)) throw wrongType("prompt", PROMPT.type, request.prompt);
    return { ids: model.promptIds(request.prompt, 0, special), stopIds: NO_STOPS };
  }
  const { messages, chat } = request;
  const format = model.dialogFormat(chat);
  const dialog = dialogOf(format, messages);
  checkTexts(
    format,
    dialog.map(({ content }) => content),
  );
  return { ids: format.encodeDialog(dialog), stopIds: format.stopIds };
}

/** A dialog from outside, for a format. Throws LlamaError (usage) that names what is wrong in it. */
export function dialogOf(format: ChatFormat, messages: DialogInput): Dialog {
  if (!MESSAGES.isType(messages)) throw wrongType("messages", MESSAGES.type, messages);
  const dialog = readDialog(messages);
  // A template has roles of its own.
  if (format.name !== "template") checkRoles(dialog);
  return dialog;
}

/**
 * Events of a completion of a prompt. Throws LlamaError at once for what cannot be run; for ids that come later, with the
 * first event. Leaving the events cancels it.
 */
export function submitPrompt(
  model: ModelContext,
  { ids, stopIds }: EncodedPrompt,
  options: GenerateOptions,
  traits: RequestTraits = {},
  signal?: AbortSignal,
): AsyncIterableIterator<CompletionEvent> {
  const begin = (promptIds: number[]) => {
    const completion = new RunningCompletion(model, promptIds, options, traits, stopIds);
    return { completion, events: model.loop.submit(completion.request, signal) };
  };
  const running = Array.isArray(ids) ? begin(ids) : ids.then(begin);
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
