/** The routes about tokens: /tokenize and /detokenize in the dialects of llama.cpp and vLLM, /apply-template, /tokenizer_info. */
import type { ToolInput } from "../../index.js";
import { invalid } from "../http/api-error.js";
import { TEMPLATE, TOKEN_TEXT, TOKENS } from "../schema/answers.js";
import {
  DETOKENIZE_REQUEST,
  type DetokenizeRequest,
  TEMPLATE_REQUEST,
  type TemplateRequest,
  TOKENIZE_REQUEST,
  type TokenizeRequest,
} from "../schema/token-requests.js";
import { askedTools } from "../schema/tool-fields.js";
import { encodeMessages, endingOf } from "../serving/chat-prompt.js";
import type { ServerModel } from "../serving/server-model.js";
import { TokenTexts } from "../wire/token-texts.js";
import { checkModel } from "./model-name.js";
import type { Route } from "./route.js";

/** Longer texts would keep other requests waiting. */
const MAX_TEXT = 1 << 20;

const tokenize: Route = {
  method: "POST",
  path: "/tokenize",
  summary: "The tokens of a text or a dialog.",
  schema: TOKENIZE_REQUEST,
  answers: TOKENS,
  async answer({ body }, { model, settings }) {
    const llama = model.ready;
    const request = body as TokenizeRequest;
    checkModel(request.model, settings);
    const { content, prompt, messages } = request;
    const given = [content, prompt, messages].filter((one) => one !== undefined);
    if (given.length !== 1)
      throw invalid("One of content, prompt and messages is needed", "content", "missing_required_parameter");
    const ids = messages
      ? (await encodeMessages(llama, messages, endingOf(request), settings, undefined, toolsOf(request))).ids
      : await encodeText(llama, content ?? prompt!, request, content === undefined);
    const texts = new TokenTexts(llama.tokenizer);
    const count = { count: ids.length, max_model_len: llama.maxSeqLen };
    if (request.with_pieces) return { json: { tokens: ids.map((id) => ({ id, piece: piece(texts, id) })), ...count } };
    const strings = request.return_token_strs && { token_strs: ids.map((id) => texts.name(id)) };
    return { json: { tokens: ids, ...count, ...strings } };
  },
};

function toolsOf({ tools = [] }: { tools?: unknown[] }): readonly ToolInput[] {
  return askedTools({ tools })?.tools ?? [];
}

function encodeText(llama: ServerModel, text: string, request: TokenizeRequest, isPrompt: boolean): Promise<number[]> {
  const { add_special: add = false, add_special_tokens: addTokens = true, parse_special: special = true } = request;
  if (text.length > MAX_TEXT)
    throw invalid(`The text has more than ${MAX_TEXT} characters`, isPrompt ? "prompt" : "content");
  return llama.encodeText(text, { bos: isPrompt ? addTokens : add, special });
}

/** A string, or bytes if the token is not a whole character. */
function piece(texts: TokenTexts, id: number): string | number[] {
  const text = texts.text(id);
  return text.includes("\uFFFD") ? texts.bytes(id) : text;
}

const detokenize: Route = {
  method: "POST",
  path: "/detokenize",
  summary: "The text of tokens.",
  schema: DETOKENIZE_REQUEST,
  answers: TOKEN_TEXT,
  answer({ body }, { model, settings }) {
    const { tokenizer } = model.ready;
    const { tokens, model: name } = body as unknown as DetokenizeRequest;
    checkModel(name, settings);
    const foreign = tokens.findIndex((id) => id >= tokenizer.vocabSize);
    if (foreign >= 0) {
      const where = `tokens[${foreign}]`;
      throw invalid(`${where} is not a token id from 0 to ${tokenizer.vocabSize - 1}`, where);
    }
    const text = tokenizer.decode(tokens);
    return { json: { content: text, prompt: text } };
  },
};

const applyTemplate: Route = {
  method: "POST",
  path: "/apply-template",
  summary: "A dialog as the model sees it.",
  schema: TEMPLATE_REQUEST,
  answers: TEMPLATE,
  async answer({ body }, { model, settings }) {
    const llama = model.ready;
    const request = body as unknown as TemplateRequest;
    checkModel(request.model, settings);
    const tools = toolsOf(request);
    const { ids, stopIds } = await encodeMessages(
      llama,
      request.messages,
      endingOf(request),
      settings,
      undefined,
      tools,
    );
    const { bosId, addsBos } = llama.tokenizer;
    // Every text begins with this token where the tokenizer adds it; elsewhere it is the template's.
    const shown = shownText(llama, addsBos && ids[0] === bosId ? ids.slice(1) : ids);
    return { json: { prompt: shown, tokens: ids, stop_token_ids: [...stopIds] } };
  },
};

/** Special tokens by their names, all others as text. */
function shownText({ tokenizer }: ServerModel, ids: readonly number[]): string {
  const names = new Map([...tokenizer.specialTokens].map(([name, id]) => [id, name]));
  const stream = tokenizer.detokenizer();
  return ids.map((id) => (names.has(id) ? stream.push(id) + names.get(id) : stream.push(id))).join("") + stream.flush();
}

const tokenizerInfo: Route = {
  method: "GET",
  path: "/tokenizer_info",
  summary: "The tokenizer's special tokens and sizes.",
  answer(_, { model }) {
    const { tokenizer, maxSeqLen } = model.ready;
    const { tokenNames, bosId, eosId, chatTemplate, vocabSize, kind } = tokenizer;
    const nameOf = (id: number | null) => [...tokenizer.specialTokens].find(([, one]) => one === id)?.[0] ?? null;
    return {
      json: {
        ...{ tokenizer_class: kind, bos_token: tokenNames.bos ?? nameOf(bosId) },
        ...{ eos_token: tokenNames.eos ?? nameOf(eosId), pad_token: tokenNames.pad, chat_template: chatTemplate },
        ...{ vocab_size: vocabSize, model_max_length: maxSeqLen },
      },
    };
  },
};

export const tokenRoutes: readonly Route[] = [tokenize, detokenize, applyTemplate, tokenizerInfo];
