/** POST /v1/responses: answers a dialog, as the newer part of OpenAI's API. Keeps nothing. */
import { NAMED_EVENTS } from "../http/event-stream.js";
import { newId } from "../http/ids.js";
import { RESPONSE } from "../schema/answers.js";
import {
  checkResponse,
  LOGPROBS_INCLUDED,
  messagesOf,
  RESPONSE_REQUEST,
  type ResponseRequest,
} from "../schema/response-request.js";
import { encodeChat } from "../serving/chat-prompt.js";
import { requestOptions } from "../serving/request-options.js";
import type { ChoicePlan, ChoiceResult } from "../serving/run-choices.js";
import type { ServerModel } from "../serving/server-model.js";
import { chatLogprobs } from "../wire/logprobs.js";
import { ResponseEvents, type ResponseParts, responseObject } from "../wire/response-object.js";
import { TokenTexts } from "../wire/token-texts.js";
import { type PlacedToken, placeAnswer, withoutStop } from "../wire/token-trail.js";
import { usageOf } from "../wire/usage.js";
import { collectChoices, noteResults, type StreamForm, streamChoices } from "./answer-choices.js";
import { checkModel, fingerprint } from "./model-name.js";
import type { Exchange, Route, Service } from "./route.js";

export const responses: Route = {
  method: "POST",
  path: "/v1/responses",
  summary: "Answer a text or a dialog; nothing is kept.",
  schema: RESPONSE_REQUEST,
  answers: RESPONSE,
  async answer(exchange, service) {
    const { settings, model } = service;
    const llama = model.ready;
    const request = exchange.body as unknown as ResponseRequest;
    checkModel(request.model, settings);
    checkResponse(request);
    const before = request.instructions ? 1 : 0;
    const prompt = await encodeChat(llama, messagesOf(request), "answer", settings, { name: "input", before });
    const base = requestOptions(request, settings.sampling, llama.tokenizer, llama.config.vocabSize);
    const asked = request.max_output_tokens ?? null;
    const maxGenLen = asked === null ? settings.maxGenLen : Math.min(asked, settings.maxGenLen ?? asked);
    const logprobs = request.include?.includes(LOGPROBS_INCLUDED) ?? false;
    const options = { ...base, maxGenLen, logprobs, topLogprobs: request.top_logprobs ?? 0 };
    const parts: ResponseParts = {
      ...{ id: newId("resp_"), messageId: newId("msg_"), createdAt: Math.floor(Date.now() / 1000) },
      ...{ model: settings.names[0]!, request, options: base, fingerprint: fingerprint(llama, settings) },
    };
    const plan: ChoicePlan = { ...prompt, salt: request.cache_salt ?? "", options };
    return request.stream
      ? stream(llama, plan, parts, exchange, service)
      : whole(llama, plan, parts, exchange, service);
  },
};

async function whole(llama: ServerModel, plan: ChoicePlan, parts: ResponseParts, exchange: Exchange, service: Service) {
  const results = await collectChoices(llama, [plan], exchange, service);
  const [result] = results as [ChoiceResult];
  const placed = withoutStop(placeAnswer(llama.tokenizer, result.completion), result);
  noteResults(results, usageOf(results, results, 0), exchange, service);
  return { json: responseObject(parts, result, logprobsOf(llama, plan)(placed)) };
}

async function stream(
  llama: ServerModel,
  plan: ChoicePlan,
  parts: ResponseParts,
  exchange: Exchange,
  service: Service,
): Promise<null> {
  const events = new ResponseEvents(parts);
  const describe = logprobsOf(llama, plan);
  const all: PlacedToken[] = [];
  const form: StreamForm = {
    framing: NAMED_EVENTS,
    first: () => events.begin(),
    prompt: () => [],
    piece: (_, text, placed) => {
      all.push(...placed);
      return events.delta(text, describe(placed));
    },
    last: (_, text, placed, result) => {
      const rest = withoutStop(placed, result);
      all.push(...rest);
      const end = events.end(result, describe(all));
      return text === "" ? end : [events.delta(text, describe(rest)), ...end];
    },
    aside: () => null,
    usage: () => null,
    error: ({ body }) => events.error(body.error),
  };
  const options = { form, wantsProgress: false, offset: () => 0 };
  const results = await streamChoices(llama, [plan], exchange, service, options);
  if (results) noteResults(results, usageOf(results, results, 0), exchange, service);
  return null;
}

function logprobsOf({ tokenizer }: ServerModel, { options }: ChoicePlan) {
  const texts = new TokenTexts(tokenizer);
  return (placed: readonly PlacedToken[]) => (options.logprobs ? chatLogprobs(placed, texts).content : []);
}
