/** ollama's POST /api/generate and /api/chat: the answers of the other routes in its form. */
import type { CallReader } from "../../index.js";
import { contextExceeded, invalid } from "../http/api-error.js";
import { LINES } from "../http/event-stream.js";
import { OLLAMA_CHATTED, OLLAMA_GENERATED } from "../schema/ollama-answers.js";
import {
  askedFormat,
  checkOllamaOptions,
  GENERATE_REQUEST,
  type GenerateRequest,
  OLLAMA_CHAT_REQUEST,
  type OllamaChatRequest,
  readOptions,
  samplingOf,
} from "../schema/ollama-requests.js";
import { askedTools } from "../schema/tool-fields.js";
import { type AnswerForm, answerForm, callReader } from "../serving/answer-form.js";
import { encodeChat, hasChat } from "../serving/chat-prompt.js";
import { continueChat, continueText } from "../serving/context-prompt.js";
import { requestOptions } from "../serving/request-options.js";
import type { ChoicePlan, ChoiceResult } from "../serving/run-choices.js";
import type { ServerModel } from "../serving/server-model.js";
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
    const form = await answerForm(llama, askedFormat(request), null, service.settings);
    const plan = planOf(llama, request, form, exchange, service);
    checkIds(llama, request.context ?? [], "context");
    if (!request.prompt) return { json: forms.loaded() };
    const prompt = await generatePrompt(llama, request.prompt, request, service);
    return run(
      llama,
      { ...plan, ...prompt },
      { forms, hasContext: !request.raw, reader: null, request, exchange, service },
    );
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
    const form = await answerForm(
      llama,
      askedFormat(request),
      askedTools({ tools: request.tools ?? [] }),
      service.settings,
    );
    const plan = planOf(llama, request, form, exchange, service);
    if (messages.length === 0) return { json: forms.loaded() };
    const ending = messages.at(-1)!.role === "assistant" ? "continue" : "answer";
    const prompt = await encodeChat(llama, messages, ending, service.settings, undefined, form.tools);
    const reader = callReader(form);
    return run(llama, { ...plan, ...prompt }, { forms, hasContext: false, reader, request, exchange, service });
  },
};

/** All of a choice but its prompt. Throws ApiError for options that this server does not have. */
function planOf(
  llama: ServerModel,
  request: GenerateRequest | OllamaChatRequest,
  { option }: AnswerForm,
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
  return { salt: "", options: { ...base, ...option, maxGenLen, logprobs, topLogprobs } };
}

/** A prompt as a user's message where the model has a chat format, else as a text; either may follow the context of an earlier answer. */
async function generatePrompt(
  llama: ServerModel,
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
  /** Of the calls in an answer that may have some. */
  reader: CallReader | null;
  request: GenerateRequest | OllamaChatRequest;
  exchange: Exchange;
  service: Service;
}

async function run(
  llama: ServerModel,
  plan: ChoicePlan,
  { forms, hasContext, reader, request, exchange, service }: Run,
): Promise<Answer> {
  const texts = new TokenTexts(llama.tokenizer);
  const describe = (placed: readonly PlacedToken[]) => {
    return plan.options.logprobs ? chatLogprobs(placed, texts).content : null;
  };
  let told = 0;
  /** The text of a piece without calls, and the calls that are whole with it. */
  const read = (piece: string, isLast: boolean) => {
    if (reader === null) return { text: piece, calls: [] };
    const before = reader.content.length;
    reader.push(piece);
    if (isLast) reader.end();
    const calls = reader.wholeCalls.slice(told);
    told += calls.length;
    return { text: reader.content.slice(before), calls };
  };
  // The tokens of a text that is not decided yet come with the next line.
  const held: PlacedToken[] = [];
  const end = (text: ReturnType<typeof read>, placed: readonly PlacedToken[], result: ChoiceResult) => {
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
    return { json: end(read(result.completion.text, true), placeAnswer(llama.tokenizer, result.completion), result) };
  }
  const form: StreamForm = {
    framing: LINES,
    first: () => [],
    prompt: () => [],
    piece: (_, piece, placed) => {
      held.push(...placed);
      const { text, calls } = read(piece, false);
      return text === "" && calls.length === 0 ? [] : [forms.piece(text, describe(held.splice(0)), calls)];
    },
    last: (_, piece, last, result) => {
      const placed = [...held.splice(0), ...last];
      const { text, calls } = read(piece, true);
      const none = { text: "", calls: [] };
      if (text === "" && calls.length === 0) return [end(none, placed, result)];
      const rest = withoutStop(placed, result);
      return [forms.piece(text, describe(rest), calls), end(none, placed.slice(rest.length), result)];
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
