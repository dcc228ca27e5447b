/** The body of POST /v1/responses, and the messages in it. */
import Type, { type Static } from "typebox";
import { invalid, unsupported } from "../http/api-error.js";
import type { ChatRequest } from "./chat-request.js";
import { COUNT, FLAG, LOGPROB_COUNT, SAMPLING_FIELDS, TEXT } from "./sampling-fields.js";

const optional = Type.Optional;

const PART = Type.Object({
  type: Type.Union([Type.Literal("input_text"), Type.Literal("output_text")]),
  text: Type.String(),
});

const INPUT_MESSAGE = Type.Object({
  type: optional(Type.Literal("message")),
  role: Type.Union(
    [Type.Literal("system"), Type.Literal("developer"), Type.Literal("user"), Type.Literal("assistant")],
    { title: "one of system, developer, user and assistant" },
  ),
  content: Type.Union([Type.String(), Type.Array(PART, { minItems: 1 })], {
    title: 'a string or a list of parts {"type": "input_text", "text": ...}; this model reads text only',
  }),
});

const { n: _n, max_tokens: _max, stream_options: _options, return_progress: _progress, ...sampling } = SAMPLING_FIELDS;
const { return_token_ids: _ids, timings_per_token: _timings, ...SAMPLING } = sampling;

export const RESPONSE_REQUEST = Type.Object({
  input: Type.Union([Type.String(), Type.Array(INPUT_MESSAGE, { minItems: 1 })], {
    title: "a string, or a list of at least one message",
  }),
  instructions: optional(TEXT),
  ...SAMPLING,
  max_output_tokens: optional(COUNT),
  top_logprobs: optional(LOGPROB_COUNT),
  include: optional(Type.Array(Type.String(), { title: "a list of strings" })),
  text: optional(
    Type.Object(
      { format: optional(Type.Object({ type: Type.String() })), verbosity: optional(TEXT) },
      { title: 'an object such as {"format": {"type": "text"}}' },
    ),
  ),
  stream_options: optional(
    Type.Object({ include_obfuscation: optional(FLAG) }, { title: "an object such as {include_obfuscation: false}" }),
  ),
});

export type ResponseRequest = Static<typeof RESPONSE_REQUEST>;

export const LOGPROBS_INCLUDED = "message.output_text.logprobs";
/** What belongs to tools, images and thoughts, of which an answer has none. */
const NEVER_THERE =
  /^(web_search_call|file_search_call|code_interpreter_call|computer_call_output|reasoning|message)\./;

/** Throws ApiError for fields of an answer that this server cannot give. */
export function checkResponse({ include = [], text, top_logprobs: top, ...request }: ResponseRequest): void {
  const { type = "text" } = text?.format ?? {};
  if (type !== "text") {
    throw unsupported("text.format", "this server does not bind answers to a form; ask for it in the prompt");
  }
  const unknown = include.findIndex((name) => !NEVER_THERE.test(name));
  if (unknown >= 0) throw invalid(`include[${unknown}] is not a part of an answer`, `include[${unknown}]`);
  if (top && !include.includes(LOGPROBS_INCLUDED)) {
    throw invalid(`top_logprobs needs include: ["${LOGPROBS_INCLUDED}"]`, "top_logprobs");
  }
  if (request.stream_options && !request.stream) throw invalid("stream_options needs stream: true", "stream_options");
}

/** The dialog of a request, in the form of chats. */
export function messagesOf({ input, instructions }: ResponseRequest): ChatRequest["messages"] {
  const before = instructions ? [{ role: "system" as const, content: instructions }] : [];
  if (typeof input === "string") return [...before, { role: "user", content: input }];
  const messages = input.map(({ role, content }) => {
    const text = typeof content === "string" ? content : content.map((part) => part.text).join("\n");
    return { role, content: text };
  });
  return [...before, ...messages];
}
