/** POST /v1/chat/completions: answers a dialog in the model's chat format, as OpenAI's API. */
import type { Llama } from "../../index.js";
import { invalid } from "../http/api-error.js";
import { newId } from "../http/ids.js";
import { CHAT_COMPLETION } from "../schema/answers.js";
import { CHAT_REQUEST, type ChatRequest } from "../schema/chat-request.js";
import type { OpenChoice } from "../serving/admission.js";
import { encodeChat, endingOf } from "../serving/chat-prompt.js";
import { choiceSeed, requestOptions } from "../serving/request-options.js";
import type { ChoicePlan, ChoiceResult } from "../serving/run-choices.js";
import type { ServeSettings } from "../serving/serve-settings.js";
import { chatLogprobs } from "../wire/logprobs.js";
import { TokenTexts } from "../wire/token-texts.js";
import { type PlacedToken, placeAnswer, withoutStop } from "../wire/token-trail.js";
import { timingsOf, timingsSoFar, usageOf } from "../wire/usage.js";
import { collectChoices, noteResults, type StreamForm, streamChoices } from "./answer-choices.js";
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
      usage: (results) =>
        wantsUsage ? { ...head, choices: [], usage: this.#usage(results), timings: timingsOf(results[0]!) } : null,
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
