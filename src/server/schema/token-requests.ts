/** The bodies of the routes about tokens and templates, in the dialects of llama.cpp and vLLM. */
import Type, { type Static } from "typebox";
import { ENDING_FIELDS, MESSAGES } from "./chat-request.js";
import { FLAG, IDS, TEXT } from "./sampling-fields.js";
import { TOOL_FIELDS } from "./tool-fields.js";

const optional = Type.Optional;

/** One of `content` (llama.cpp), `prompt` (vLLM) and `messages`. */
export const TOKENIZE_REQUEST = Type.Object({
  content: optional(TEXT),
  prompt: optional(TEXT),
  messages: optional(MESSAGES),
  tools: TOOL_FIELDS.tools,
  ...ENDING_FIELDS,
  add_special: optional(FLAG),
  add_special_tokens: optional(FLAG),
  parse_special: optional(FLAG),
  with_pieces: optional(FLAG),
  return_token_strs: optional(FLAG),
  model: optional(TEXT),
});

export const DETOKENIZE_REQUEST = Type.Object({ tokens: IDS, model: optional(TEXT) });

export const TEMPLATE_REQUEST = Type.Object({
  messages: MESSAGES,
  tools: TOOL_FIELDS.tools,
  ...ENDING_FIELDS,
  model: optional(TEXT),
});

export type TokenizeRequest = Static<typeof TOKENIZE_REQUEST>;
export type DetokenizeRequest = Static<typeof DETOKENIZE_REQUEST>;
export type TemplateRequest = Static<typeof TEMPLATE_REQUEST>;
