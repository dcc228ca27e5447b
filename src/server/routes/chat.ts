/** POST /v1/chat/completions: answers a dialog in the model's chat format, as OpenAI's API. */
import type { CallReader } from "../../index.js";
import { invalid } from "../http/api-error.js";
import { newId } from "../http/ids.js";
import { CHAT_COMPLETION } from "../schema/answers.js";
import { CHAT_REQUEST, type ChatRequest } from "../schema/chat-request.js";
import { askedForm } from "../schema/form-fields.js";
import { askedTools } from "../schema/tool-fields.js";
import type { OpenChoice } from "../serving/admission.js";
import { type AnswerForm, answerForm, callReader } from "../serving/answer-form.js";
import { encodeChat, endingOf } from "../serving/chat-prompt.js";
import { choiceSeed, formNote, requestOptions } from "../serving/request-options.js";
import type { ChoicePlan, ChoiceResult } from "../serving/run-choices.js";
import type { ServeSettings } from "../serving/serve-settings.js";
import type { ServerModel } from "../serving/server-model.js";
import { chatLogprobs } from "../wire/logprobs.js";
import { TokenTexts } from "../wire/token-texts.js";
import { type PlacedToken, placeAnswer, withoutStop } from "../wire/token-trail.js";
import { deltasOf, endOf, lastDeltas, readAnswer } from "../wire/tool-deltas.js";
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
    const form = await answerForm(llama, askedForm(request), askedTools(request), service.settings);
    const prompt = await encodeChat(
      llama,
      request.messages,
      endingOf(request),
      service.settings,
      undefined,
      form.tools,
    );
    const job = new ChatJob(llama, request, prompt, form, service.settings);
    if (request.stream) return job.stream(exchange, service);
    const results = await collectChoices(llama, job.plans, exchange, service);
    const json = job.answer(results);
    noteResults(results, json.usage, exchange, service);
    return { json };
  },
};

class ChatJob {
  readonly plans: ChoicePlan[];
  readonly #llama: ServerModel;
  readonly #request: ChatRequest;
  readonly #form: AnswerForm;
  readonly #texts: TokenTexts;
  readonly #seed: number;
  readonly #head: Record<string, unknown>;

  constructor(
    llama: ServerModel,
    request: ChatRequest,
    prompt: { ids: number[]; stopIds: number[] },
    form: AnswerForm,
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
      options: { ...base, ...form.option, maxGenLen, seed: choiceSeed(base.seed, i), logprobs, topLogprobs },
    }));
    this.#form = form;
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
      const { text, ids, promptIds, stopId, stopString } = result.completion;
      const reader = callReader(this.#form);
      const { content, calls } = readAnswer(reader, text);
      const own = calls.length === 0 ? { content } : { content: content || null, tool_calls: calls };
      return {
        ...{ index, message: { role: "assistant", ...own, refusal: null } },
        ...{ logprobs: this.#logprobs(this.#tokens(result)), finish_reason: endOf(result.completion, reader) },
        ...{ stop_reason: stopString ?? stopId, ...formNote(result) },
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
    const readers = this.plans.map((): CallReader | null => callReader(this.#form));
    // The tokens of a text that is not decided yet come with the next event.
    const held = this.plans.map((): PlacedToken[] => []);
    const timed = (soFar: OpenChoice) => (this.#request.timings_per_token ? { timings: timingsSoFar(soFar) } : {});
    const form: StreamForm = {
      first: (i) => [event([part(i, { role: "assistant", content: "" }, null)])],
      prompt: () => [],
      piece: (i, text, placed, soFar) => {
        held[i]!.push(...placed);
        const deltas = deltasOf(readers[i]!, text);
        return deltas.map((delta, at) => event([part(i, delta, at === 0 ? held[i]!.splice(0) : [])], timed(soFar)));
      },
      last: (i, text, placed, result) => {
        const rest = [...held[i]!.splice(0), ...withoutStop(placed, result)];
        const deltas = lastDeltas(readers[i]!, text);
        const before = deltas.slice(0, -1).map((delta) => event([part(i, delta, [])]));
        const reason = endOf(result.completion, readers[i]!);
        const choice = { ...part(i, deltas.at(-1) ?? {}, rest.length > 0 ? rest : null, reason), ...formNote(result) };
        const ids = wantsIds && { prompt_token_ids: this.plans[i]!.ids, token_ids: rest.map(({ id }) => id) };
        return [...before, event([{ ...choice, ...ids }], { seed: this.#seed, timings: timingsOf(result) })];
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
