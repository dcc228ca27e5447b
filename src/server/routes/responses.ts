/** POST /v1/responses: answers a dialog, as the newer part of OpenAI's API. Keeps nothing. */
import type { AnswerPart, CallReader } from "../../index.js";
import { ApiError, invalid } from "../http/api-error.js";
import { NAMED_EVENTS } from "../http/event-stream.js";
import { newId } from "../http/ids.js";
import { RESPONSE } from "../schema/answers.js";
import {
  askedFunctions,
  askedTextFormat,
  checkResponse,
  LOGPROBS_INCLUDED,
  messagesOf,
  RESPONSE_REQUEST,
  type ResponseRequest,
} from "../schema/response-request.js";
import { answerForm, callReader } from "../serving/answer-form.js";
import { encodeChat } from "../serving/chat-prompt.js";
import { requestOptions } from "../serving/request-options.js";
import type { ChoicePlan, ChoiceResult } from "../serving/run-choices.js";
import type { ServerModel } from "../serving/server-model.js";
import { chatLogprobs } from "../wire/logprobs.js";
import { ResponseEvents, type ResponseParts, wholeResponse } from "../wire/response-object.js";
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
    const form = await flatly(answerForm(llama, askedTextFormat(request), askedFunctions(request), settings));
    const { messages, places } = messagesOf(request);
    const list = { name: "input", before: 0, places };
    const prompt = await encodeChat(llama, messages, "answer", settings, list, form.tools);
    const base = requestOptions(request, settings.sampling, llama.tokenizer, llama.config.vocabSize);
    const asked = request.max_output_tokens ?? null;
    const maxGenLen = asked === null ? settings.maxGenLen : Math.min(asked, settings.maxGenLen ?? asked);
    const logprobs = request.include?.includes(LOGPROBS_INCLUDED) ?? false;
    const options = { ...base, ...form.option, maxGenLen, logprobs, topLogprobs: request.top_logprobs ?? 0 };
    const parts: ResponseParts = {
      ...{ id: newId("resp_"), messageId: newId("msg_"), createdAt: Math.floor(Date.now() / 1000) },
      ...{ model: settings.names[0]!, request, options: base, fingerprint: fingerprint(llama, settings) },
      hasTools: form.use !== null,
    };
    const reader = callReader(form);
    const plan: ChoicePlan = { ...prompt, salt: request.cache_salt ?? "", options };
    return request.stream
      ? stream(llama, plan, reader, parts, exchange, service)
      : whole(llama, plan, reader, parts, exchange, service);
  },
};

/** In this route a tool has no object of its own for the function: so the places in errors have none either. */
async function flatly<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { param, code } = error.body.error as { param: string | null; code: string };
    const message = error.message.replace(/(tools\[\d+\])\.function\b/g, "$1");
    throw invalid(message, param?.replace(".function", "") ?? null, code);
  }
}

/** What a piece of an answer holds. */
function partsOf(reader: CallReader | null, text: string, isLast: boolean): AnswerPart[] {
  if (reader === null) return text === "" ? [] : [{ kind: "text", text }];
  return [...reader.push(text), ...(isLast ? reader.end() : [])];
}

async function whole(
  llama: ServerModel,
  plan: ChoicePlan,
  reader: CallReader | null,
  parts: ResponseParts,
  exchange: Exchange,
  service: Service,
) {
  const results = await collectChoices(llama, [plan], exchange, service);
  const [result] = results as [ChoiceResult];
  const placed = withoutStop(placeAnswer(llama.tokenizer, result.completion), result);
  noteResults(results, usageOf(results, results, 0), exchange, service);
  const answer = partsOf(reader, result.completion.text, true);
  return { json: wholeResponse(parts, answer, { result, logprobs: logprobsOf(llama, plan)(placed) }) };
}

async function stream(
  llama: ServerModel,
  plan: ChoicePlan,
  reader: CallReader | null,
  parts: ResponseParts,
  exchange: Exchange,
  service: Service,
): Promise<null> {
  const events = new ResponseEvents(parts);
  const describe = logprobsOf(llama, plan);
  const all: PlacedToken[] = [];
  // The tokens of a text that is not decided yet come with the next event.
  const held: PlacedToken[] = [];
  const eventsOf = (answer: readonly AnswerPart[]) => {
    return answer.flatMap((part) => events.part(part, part.kind === "text" ? describe(held.splice(0)) : []));
  };
  const form: StreamForm = {
    framing: NAMED_EVENTS,
    first: () => events.begin(),
    prompt: () => [],
    piece: (_, text, placed) => {
      all.push(...placed);
      held.push(...placed);
      return eventsOf(partsOf(reader, text, false));
    },
    last: (_, text, placed, result) => {
      const rest = withoutStop(placed, result);
      all.push(...rest);
      held.push(...rest);
      const before = eventsOf(partsOf(reader, text, true));
      return [...before, ...events.end({ result, logprobs: describe(all) })];
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
