/** Submits one prompt or dialog to the loop; its events carry text. Every way to complete a text comes through here. */
import { CHAT_CHOICE } from "../chat/chat-choice.js";
import { checkForm } from "../form/form.js";
import type { ModelContext } from "../loading/model-context.js";
import { LIST, TEXT } from "../options/check-options.js";
import { GENERATE_TYPES, type GenerateOptions } from "../sampling/options.js";
import type { PrefillEvent, QueuedEvent, RequestEvent } from "../scheduling/request.js";
import { type RequestTraits, RunningCompletion } from "./completion.js";
import { ENDING, type EncodedPrompt, MESSAGES, PROMPT, type Prompt, TOOLS } from "./encode-prompt.js";
import type { Completion } from "./results.js";
import type { TokenLogprob } from "./token-logprobs.js";

export type RequestOptions = Omit<GenerateOptions, "onPrompt" | "signal">;

export type SubmitOptions = Prompt &
  RequestOptions & {
    /** Tokens that end the text beside the model's own stops and those of the chat format. */
    stopIds?: readonly number[];
    /** Requests share KV caches only with those of the same salt. Default "". */
    cacheSalt?: string;
    /** Whose request it is: those of different clients are taken from the queue in turn. Default "". */
    client?: string;
    signal?: AbortSignal;
  };

const { onPrompt: _, ...requestTypes } = GENERATE_TYPES;
const STOP_IDS = { ...LIST, type: "a list of token ids" };
export const SUBMIT_TYPES = {
  ...{ ...requestTypes, prompt: PROMPT, messages: MESSAGES },
  ...{ chat: CHAT_CHOICE, ending: ENDING, tools: TOOLS, stopIds: STOP_IDS, cacheSalt: TEXT, client: TEXT },
};

/** What happens to a request, in this order: queued, prefill (several), token (any number), end. */
export type CompletionEvent =
  | QueuedEvent
  | (PrefillEvent & {
      /** With the last part of the prompt, if asked for with echo. */ promptLogprobs: TokenLogprob[] | null;
    })
  | {
      kind: "token";
      id: number /** May be empty while a character is incomplete. */;
      text: string;
      logprob: TokenLogprob | null;
    }
  | { kind: "end" /** Text that was held back until now. */; text: string; completion: Completion };

/**
 * Events of a completion of a prompt. Throws LlamaError at once for what cannot be run; for ids that come later, and for what is
 * wrong within a form, with the first event. Leaving the events cancels it.
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
  const { form } = options;
  if (form !== undefined) checkForm(form);
  const ready = form === undefined ? ids : Promise.all([ids, model.forms.prepare(form)]).then(([found]) => found);
  const running = Array.isArray(ready) ? begin(ready) : ready.then(begin);
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
      return { ...event, promptLogprobs: completion.prefilled(event) };
    case "token":
      return { kind: "token", ...completion.add(event) };
    case "end":
      return { kind: "end", ...completion.end(event) };
  }
}
