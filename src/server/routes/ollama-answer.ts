/** ollama's POST /api/generate and /api/chat: the answers of the other routes in its form. */
import type { Llama } from "../../index.js";
import { contextExceeded, invalid } from "../http/api-error.js";
import { LINES } from "../http/event-stream.js";
import { OLLAMA_CHATTED, OLLAMA_GENERATED } from "../schema/ollama-answers.js";
import {
  checkOllamaOptions,
  GENERATE_REQUEST,
  type GenerateRequest,
  OLLAMA_CHAT_REQUEST,
  type OllamaChatRequest,
  readOptions,
  samplingOf,
} from "../schema/ollama-requests.js";
import { encodeChat, hasChat } from "../serving/chat-prompt.js";
import { continueChat, continueText } from "../serving/context-prompt.js";
import { requestOptions } from "../serving/request-options.js";
import type { ChoicePlan, ChoiceResult } from "../serving/run-choices.js";
import { chatLogprobs } from "../wire/logprobs.js";
import { GENERATED, OllamaForms, SAID } from "../wire/ollama-forms.js";
import { TokenTexts } from "../wire/token-texts.js";
import { type PlacedToken, placeAnswer, withoutStop } from "../wire/token-trail.js";
import { usageOf } from "../wire/usage.js";
import { collectChoices, noteResults, type StreamForm, streamChoices } from "./answer-choices.js";
import { checkTaggedModel, taggedName } from "./model-name.js";
import { checkIds, readPrompts } from "./prompts.js";
import type { Answer, Exchange, Route, Service } from "./route.js";

interface Prompt {
  ids: number[];
  stopIds: number[];
}

const generate: Route = {
  method: "POST",
  path: "/api/generate",
  summary: "Continue a text, or answer it in the model's chat format; ollama's form.",
  schema: GENERATE_REQUEST,
  answers: OLLAMA_GENERATED,
  streamType: LINES.type,
  async answer(exchange, service) {
    const llama = service.model.ready;
    const request = exchange.body as GenerateRequest;
    checkTaggedModel(request.model, service.settings);
    const forms = new OllamaForms(taggedName(service.settings), GENERATED);
    const plan = planOf(llama, request, exchange, service);
    checkIds(llama, request.context ?? [], "context");
    if (!request.prompt) return { json: forms.loaded() };
    const prompt = await generatePrompt(llama, request.prompt, request, service);
    return run(llama, { ...plan, ...prompt }, { forms, hasContext: !request.raw, request, exchange, service });
  },
};

const chat: Route = {
  method: "POST",
  path: "/api/chat",
  summary: "Answer a dialog; ollama's form.",
  schema: OLLAMA_CHAT_REQUEST,
  answers: OLLAMA_CHATTED,
  streamType: LINES.type,
  async answer(exchange, service) {
    const llama = service.model.ready;
    const request = exchange.body as OllamaChatRequest;
    const { messages = [] } = request;
    checkTaggedModel(request.model, service.settings);
    const forms = new OllamaForms(taggedName(service.settings), SAID);
    const plan = planOf(llama, request, exchange, service);
    if (messages.length === 0) return { json: forms.loaded() };
    const ending = messages.at(-1)!.role === "assistant" ? "continue" : "answer";
    const prompt = await encodeChat(llama, messages, ending, service.settings);
    return run(llama, { ...plan, ...prompt }, { forms, hasContext: false, request, exchange, service });
  },
};

/** All of a choice but its prompt. Throws ApiError for options that this server does not have. */
function planOf(
  llama: Llama,
  request: GenerateRequest | OllamaChatRequest,
  exchange: Exchange,
  { settings }: Service,
): Omit<ChoicePlan, "ids" | "stopIds"> {
  const { logprobs = false, top_logprobs: topLogprobs = 0 } = request;
  if (topLogprobs > 0 && !logprobs) throw invalid("top_logprobs needs logprobs: true", "top_logprobs");
  const { request: options, ignored } = readOptions(request.options ?? {}, settings.strictFields);
  exchange.ignore(ignored);
  checkOllamaOptions(options, llama.maxSeqLen);
  const { sampling, maxTokens } = samplingOf(options);
  const base = requestOptions(sampling, settings.sampling, llama.tokenizer, llama.config.vocabSize);
  const maxGenLen = maxTokens === null ? settings.maxGenLen : Math.min(maxTokens, settings.maxGenLen ?? maxTokens);
  return { salt: "", options: { ...base, maxGenLen, logprobs, topLogprobs } };
}

/** A prompt as a user's message where the model has a chat format, else as a text; either may follow the context of an earlier answer. */
async function generatePrompt(
  llama: Llama,
  text: string,
  { system: own, raw = false, context = [] }: GenerateRequest,
  { settings }: Service,
): Promise<Prompt> {
  const system = own || null;
  if (raw && (system !== null || context.length > 0)) {
    throw invalid("raw mode does not support system or context", system !== null ? "system" : "context");
  }
  const isChat = !raw && hasChat(llama, settings.chat);
  if (!isChat && system !== null) {
    throw invalid("This model has no chat format, and so no system text; write it in the prompt", "system");
  }
  if (context.length > 0) {
    if (text.length > llama.maxSeqLen * llama.tokenizer.maxTokenBytes) {
      throw contextExceeded(Math.ceil(text.length / llama.tokenizer.maxTokenBytes), llama.maxSeqLen, "prompt", true);
    }
    const next = { context, text, system, chat: settings.chat };
    const prompt = isChat
      ? await continueChat(llama, next)
      : { ids: await continueText(llama, context, text), stopIds: [] };
    if (prompt.ids.length >= llama.maxSeqLen) throw contextExceeded(prompt.ids.length, llama.maxSeqLen, "prompt");
    return prompt;
  }
  if (!isChat) {
    const [prompt] = await readPrompts(llama, { prompt: text }, false);
    return { ids: prompt!.ids, stopIds: [] };
  }
  const before = system === null ? [] : [{ role: "system" as const, content: system }];
  const messages = [...before, { role: "user" as const, content: text }];
  return encodeChat(llama, messages, "answer", settings, { name: "prompt", before: before.length, isOne: true });
}

interface Run {
  forms: OllamaForms;
  hasContext: boolean;
  request: GenerateRequest | OllamaChatRequest;
  exchange: Exchange;
  service: Service;
}

async function run(
  llama: Llama,
  plan: ChoicePlan,
  { forms, hasContext, request, exchange, service }: Run,
): Promise<Answer> {
  const texts = new TokenTexts(llama.tokenizer);
  const describe = (placed: readonly PlacedToken[]) => {
    return plan.options.logprobs ? chatLogprobs(placed, texts).content : null;
  };
  const end = (text: string, placed: readonly PlacedToken[], result: ChoiceResult) => {
    const { promptIds, ids } = result.completion;
    const totalMs = performance.now() - exchange.startedAt;
    const logprobs = describe(withoutStop(placed, result));
    return forms.end(text, logprobs, result, totalMs, hasContext ? [...promptIds, ...ids] : null);
  };
  const note = (results: readonly ChoiceResult[]) => {
    noteResults(results, usageOf(results, results, 0), exchange, service);
  };
  if (request.stream === false) {
    const results = await collectChoices(llama, [plan], exchange, service);
    const [result] = results as [ChoiceResult];
    note(results);
    return { json: end(result.completion.text, placeAnswer(llama.tokenizer, result.completion), result) };
  }
  const form: StreamForm = {
    framing: LINES,
    first: () => [],
    prompt: () => [],
    piece: (_, text, placed) => forms.piece(text, describe(placed)),
    last: (_, text, placed, result) => {
      if (text === "") return [end("", placed, result)];
      const rest = withoutStop(placed, result);
      return [forms.piece(text, describe(rest)), end("", placed.slice(rest.length), result)];
    },
    aside: () => null,
    usage: () => null,
    error: ({ message }) => ({ error: message }),
  };
  const options = { form, wantsProgress: false, offset: () => 0 };
  const results = await streamChoices(llama, [plan], exchange, service, options);
  if (results) note(results);
  return null;
}

export const ollamaAnswers: readonly Route[] = [generate, chat];
