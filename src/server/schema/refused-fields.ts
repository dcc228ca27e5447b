/**
 * Fields without a meaning here. They are harmless, or refused by name with the reason: a field is never dropped silently where
 * that would change the answer. Does not know schemas.
 */
import { unsupported } from "../http/api-error.js";

/** Fields that clients send and that change no answer here. */
export const HARMLESS = new Set([
  ...["user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"],
  ...["verbosity", "reasoning_effort", "prediction"],
  ...["reasoning", "max_tool_calls", "prompt_cache_options"],
  // Of ollama: prompts are never cut, and the model stays.
  ...["keep_alive", "truncate", "shift", "verbose", "insecure"],
]);

const OLD_TOOLS = "it is the old form of tools and tool_choice";
const NO_TOOLS = "this route continues text; /v1/chat/completions calls tools";
const NO_FORM =
  "bind an answer with response_format, in /v1/responses with text.format, in ollama's routes with format";
const KEEPS_NOTHING = "this server keeps no answers; send the whole dialog";
const TEXT_ONLY = "this model reads and writes text only";

/** Fields of forms, in the routes that have others for it. */
const FORM_NAMES = [
  ...["response_format", "structured_outputs", "grammar", "json_schema", "json_object", "regex", "format"],
  ...["guided_json", "guided_regex", "guided_choice", "guided_grammar", "guided_whitespace_pattern"],
];

function isText(value: { type?: unknown }): boolean {
  return value.type === "text";
}

/** Fields that would change the answer, with the reason. Their empty and default values pass. */
const REFUSED: Readonly<Record<string, { why: string; passes?: (value: never) => boolean }>> = {
  // Where a route has them, its schema names them.
  tools: { why: NO_TOOLS },
  tool_choice: { why: NO_TOOLS, passes: (value) => value === "none" || value === "auto" },
  functions: { why: OLD_TOOLS },
  function_call: { why: OLD_TOOLS, passes: (value) => value === "none" || value === "auto" },
  ...Object.fromEntries(FORM_NAMES.map((name) => [name, { why: NO_FORM, passes: isText }])),
  images: { why: TEXT_ONLY },
  audio: { why: TEXT_ONLY },
  modalities: { why: TEXT_ONLY, passes: (value: unknown) => JSON.stringify(value) === '["text"]' },
  web_search_options: { why: "this server asks no other" },
  suffix: { why: "this model continues text and does not fill gaps" },
  prompt: { why: "this route answers messages; /v1/completions continues a prompt" },
  previous_response_id: { why: KEEPS_NOTHING },
  conversation: { why: KEEPS_NOTHING },
  background: { why: KEEPS_NOTHING },
  truncation: { why: "a prompt is never cut", passes: (value) => value === "disabled" },
  context_management: { why: "a prompt is never cut" },
  moderation: { why: "this server does not judge texts" },
  think: { why: "this model has no thoughts apart from its answer" },
  template: { why: "the format of a chat is chosen when the server starts" },
  chat_template: { why: "the format of a chat is chosen when the server starts" },
};

/** Fields of a message that would change the answer. */
const REFUSED_IN_MESSAGE = { function_call: OLD_TOOLS, audio: TEXT_ONLY, images: TEXT_ONLY };

const REFUSED_IN_INPUT = {
  ...{ token_ids: "/v1/chat/completions takes answers by their ids" },
  tool_calls: "a call is an item of its own, function_call",
};
/** What a list of input may have beside messages. */
const INPUT_ITEMS = ["function_call", "function_call_output"];

export function isRefused(name: string): boolean {
  return Object.hasOwn(REFUSED, name);
}

/** Throws ApiError for a field that would change the answer, unless its value asks for nothing. */
export function checkRefused(name: string, value: unknown): void {
  const { why, passes } = REFUSED[name]!;
  const isEmpty = value === "" || value === false || (Array.isArray(value) && value.length === 0);
  if (isEmpty || passes?.(value as never)) return;
  throw unsupported(name, why);
}

/** Throws ApiError for what a list of messages has beside text: in the form of chats, or of /v1/responses (`input`). */
export function checkMessages(list: "messages" | "input", messages: unknown): void {
  if (!Array.isArray(messages)) return;
  for (const [i, message] of messages.entries()) {
    if (message !== null && typeof message === "object") checkMessage(`${list}[${i}]`, message);
  }
}

const TEXT_PARTS = ["text", "input_text", "output_text"];

function checkMessage(where: string, message: Record<string, unknown>): void {
  const { type: kind } = message;
  const isItem = where.startsWith("input") && INPUT_ITEMS.includes(kind as string);
  if (typeof kind === "string" && kind !== "message" && !isItem) {
    throw unsupported(
      where,
      `${kind.slice(0, 40)}: this server reads messages, and calls of functions with their results`,
    );
  }
  const reasons = where.startsWith("input") ? { ...REFUSED_IN_MESSAGE, ...REFUSED_IN_INPUT } : REFUSED_IN_MESSAGE;
  for (const [name, why] of Object.entries(reasons)) {
    const value = message[name];
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) continue;
    throw unsupported(`${where}.${name}`, why);
  }
  const { content } = message;
  if (!Array.isArray(content)) return;
  for (const [i, part] of content.entries()) {
    const type = (part as { type?: unknown } | null)?.type;
    if (typeof type === "string" && !TEXT_PARTS.includes(type))
      throw unsupported(`${where}.content[${i}]`, `${type.slice(0, 40)}: ${TEXT_ONLY}`);
  }
}
