/** POST /v1/chat/completions: answers a dialog in the model's chat format, as OpenAI's API. */
import { LlamaError } from "../../error.js";
import type { DialogEnding, DialogInput, Llama } from "../../index.js";
import { invalid } from "../http/api-error.js";
import { newId } from "../http/ids.js";
import { CHAT_COMPLETION } from "../schema/answers.js";
import { CHAT_REQUEST, type ChatRequest, type EndingFields } from "../schema/chat-request.js";
import type { OpenChoice } from "../serving/admission.js";
import { choiceSeed, requestOptions } from "../serving/request-options.js";
import type { ChoicePlan, ChoiceResult } from "../serving/run-choices.js";
import type { ServeSettings } from "../serving/serve-settings.js";
import { chatLogprobs } from "../wire/logprobs.js";
import { TokenTexts } from "../wire/token-texts.js";
import { type PlacedToken, placeAnswer, withoutStop } from "../wire/token-trail.js";
import { timingsOf, timingsSoFar, usageOf } from "../wire/usage.js";
import { collectChoices, noteResults, type StreamForm, streamChoices } from "./answer-choices.js";
import { contextExceeded } from "./errors.js";
import { checkModel, fingerprint } from "./model-name.js";
import type { Exchange, Route, Service } from "./route.js";

export const chat: Route = {
  method: "POST",
  path: "/v1/chat/completions",
  summary: "Answer a dialog.",
  schema: CHAT_REQUEST,
  answers: CHAT_COMPLETION,
  async answer(exchange, service) {
    const llama = service.model.ready;
    const request = exchange.body as unknown as ChatRequest;
    checkModel(request.model, service.settings);
    if (request.stream_options && !request.stream) throw invalid("stream_options needs stream: true", "stream_options");
    if (request.top_logprobs !== undefined && !request.logprobs) {
      throw invalid("top_logprobs needs logprobs: true", "top_logprobs");
    }
    const prompt = await encodeChat(llama, request.messages, endingOf(request), service.settings);
    const job = new ChatJob(llama, request, prompt, service.settings);
    if (request.stream) return job.stream(exchange, service);
    const results = await collectChoices(llama, job.plans, exchange, service);
    const json = job.answer(results);
    noteResults(results, json.usage, exchange, service);
    return { json };
  },
};

type Messages = ChatRequest["messages"];

/** How the dialog of a request ends. Throws ApiError for fields that contradict each other. */
export function endingOf({
  add_generation_prompt: starts,
  continue_final_message: continues,
}: EndingFields): DialogEnding {
  if (continues && starts) {
    throw invalid("continue_final_message and add_generation_prompt exclude each other", "continue_final_message");
  }
  if (continues) return "continue";
  return starts === false ? "closed" : "answer";
}

/** Whether the server writes dialogs for this model. */
export function hasChat(llama: Llama, chat: ServeSettings["chat"]): boolean {
  return chat !== "none" && (chat !== "auto" || llama.chatName !== "none");
}

/** Where messages are in a request: the list's name, and the messages before it that the client has not sent there. */
interface MessageList {
  name: string;
  before: number;
  /** It is one text, the last message. */
  isOne?: boolean;
}

const MESSAGES: MessageList = { name: "messages", before: 0 };

/** Ids of messages to answer. Throws ApiError where they leave no room for an answer too. */
export async function encodeChat(
  llama: Llama,
  messages: Messages,
  ending: DialogEnding,
  settings: ServeSettings,
  list = MESSAGES,
): Promise<{ ids: number[]; stopIds: number[] }> {
  const prompt = await encodeMessages(llama, messages, ending, settings, list);
  const { length } = prompt.ids;
  if (length >= llama.maxSeqLen) throw contextExceeded(length, llama.maxSeqLen, list.name);
  return prompt;
}

/** Ids of messages in the chat format of the server, with its own system text where they have none. Throws ApiError for what the format does not allow. */
export async function encodeMessages(
  llama: Llama,
  messages: Messages,
  ending: DialogEnding,
  { chat: choice, system }: ServeSettings,
  { name, before, isOne = false }: MessageList = MESSAGES,
): Promise<{ ids: number[]; stopIds: number[] }> {
  if (!hasChat(llama, choice)) {
    const fix = "Continue text with /v1/completions, or start the server with --chat: `text` writes messages as lines";
    throw invalid(`This model has no chat format. ${fix}`, name, "unsupported_parameter");
  }
  const size = JSON.stringify(messages.map(({ content }) => content ?? "")).length;
  const given = messages.reduce((sum, { token_ids: ids = [] }) => sum + ids.length, 0);
  const least = Math.max(given, Math.ceil(size / llama.tokenizer.maxTokenBytes / 8));
  if (least > llama.maxSeqLen) throw contextExceeded(least, llama.maxSeqLen, name, true);
  const own = messages.map((one) => ({ ...one, role: one.role === "developer" ? "system" : one.role }));
  const added = system !== null && own[0]?.role !== "system" ? [{ role: "system", content: system }] : [];
  const dialog = [...added, ...own] as DialogInput;
  try {
    return await llama.encodePrompt({ messages: dialog, chat: choice, ending });
  } catch (error) {
    if (!(error instanceof LlamaError) || error.kind !== "usage") throw error;
    // The client counts its own messages.
    const message = error.message.replace(/\bmessages\[(\d+)\]/g, (_, found) => {
      const index = Number(found) - added.length - before;
      if (index < 0) return "the system text";
      return isOne ? name : `${name}[${index}]`;
    });
    const [place = name] = new RegExp(`${name}\\[\\d+\\](\\.\\w+)?`).exec(message) ?? [];
    throw invalid(message, place);
  }
}

class ChatJob {
  readonly plans: ChoicePlan[];
  readonly #llama: Llama;
  readonly #request: ChatRequest;
  readonly #texts: TokenTexts;
  readonly #seed: number;
  readonly #head: Record<string, unknown>;

  constructor(
    llama: Llama,
    request: ChatRequest,
    prompt: { ids: number[]; stopIds: number[] },
    settings: ServeSettings,
  ) {
    const { n = 1, logprobs = false, top_logprobs: topLogprobs = 0 } = request;
    const base = requestOptions(request, settings.sampling, llama.tokenizer, llama.config.vocabSize);
    const asked = request.max_completion_tokens ?? request.max_tokens ?? null;
    const maxGenLen = asked === null ? settings.maxGenLen : Math.min(asked, settings.maxGenLen ?? asked);
    if (n > settings.maxChoices) throw invalid(`At most ${settings.maxChoices} choices in one request`, "n");
    this.plans = Array.from({ length: n }, (_, i) => ({
      ...prompt,
      salt: request.cache_salt ?? "",
      options: { ...base, maxGenLen, seed: choiceSeed(base.seed, i), logprobs, topLogprobs },
    }));
    this.#llama = llama;
    this.#request = request;
    this.#texts = new TokenTexts(llama.tokenizer);
    this.#seed = base.seed;
    this.#head = {
      ...{ id: newId("chatcmpl-"), created: Math.floor(Date.now() / 1000), model: settings.names[0] },
      system_fingerprint: fingerprint(llama, settings),
    };
  }

  answer(results: readonly ChoiceResult[]) {
    const { return_token_ids: wantsIds } = this.#request;
    const choices = results.map((result, index) => {
      const { text, ids, promptIds, finishReason, stopId, stopString } = result.completion;
      return {
        ...{ index, message: { role: "assistant", content: text, refusal: null } },
        ...{ logprobs: this.#logprobs(this.#tokens(result)), finish_reason: finishReason },
        stop_reason: stopString ?? stopId,
        ...(wantsIds && { prompt_token_ids: promptIds, token_ids: ids }),
      };
    });
    const usage = this.#usage(results);
    const head = { ...this.#head, object: "chat.completion" };
    return { ...head, choices, usage, seed: this.#seed, timings: timingsOf(results[0]!) };
  }

  async stream(exchange: Exchange, service: Service): Promise<null> {
    const { stream_options: { include_usage: wantsUsage = false } = {}, return_progress = false } = this.#request;
    const { return_token_ids: wantsIds } = this.#request;
    const head = { ...this.#head, object: "chat.completion.chunk" };
    const event = (choices: unknown[], more: Record<string, unknown> = {}) => {
      return { ...head, choices, ...(wantsUsage && { usage: null }), ...more };
    };
    const part = (
      index: number,
      delta: unknown,
      placed: readonly PlacedToken[] | null,
      reason: string | null = null,
    ) => ({
      ...{ index, delta, logprobs: placed && this.#logprobs(placed), finish_reason: reason },
      ...(wantsIds && placed && { token_ids: placed.map(({ id }) => id) }),
    });
    const timed = (soFar: OpenChoice) => (this.#request.timings_per_token ? { timings: timingsSoFar(soFar) } : {});
    const form: StreamForm = {
      first: (i) => [event([part(i, { role: "assistant", content: "" }, null)])],
      prompt: () => [],
      piece: (i, text, placed, soFar) => event([part(i, { content: text }, placed)], timed(soFar)),
      last: (i, text, placed, result) => {
        const rest = withoutStop(placed, result);
        const delta = text === "" ? {} : { content: text };
        const choice = part(i, delta, rest.length > 0 ? rest : null, result.completion.finishReason);
        const ids = wantsIds && { prompt_token_ids: this.plans[i]!.ids, token_ids: rest.map(({ id }) => id) };
        return [event([{ ...choice, ...ids }], { seed: this.#seed, timings: timingsOf(result) })];
      },
      aside: (fields) => event([], fields),
      usage: (results) => (wantsUsage ? { ...head, choices: [], usage: this.#usage(results) } : null),
    };
    const options = { form, wantsProgress: return_progress, offset: () => 0 };
    const results = await streamChoices(this.#llama, this.plans, exchange, service, options);
    if (results) noteResults(results, this.#usage(results), exchange, service);
    return null;
  }

  #tokens(result: ChoiceResult): PlacedToken[] {
    return withoutStop(placeAnswer(this.#llama.tokenizer, result.completion), result);
  }

  #logprobs(placed: readonly PlacedToken[]) {
    return this.#request.logprobs ? chatLogprobs(placed, this.#texts) : null;
  }

  #usage(results: readonly ChoiceResult[]) {
    return usageOf(results.slice(0, 1), results, 0);
  }
}
