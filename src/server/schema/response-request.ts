/** The body of POST /v1/responses, and the messages in it. */
import Type, { type Static } from "typebox";
import { invalid, unsupported } from "../http/api-error.js";
import type { ChatRequest } from "./chat-request.js";
import { type AskedForm, namedSchema } from "./form-fields.js";
import { COUNT, FLAG, LOGPROB_COUNT, SAMPLING_FIELDS, TEXT } from "./sampling-fields.js";
import { type AskedTools, askedTools, nestedTools, TOOL_FIELDS } from "./tool-fields.js";

const optional = Type.Optional;

const PART = Type.Object({
  type: Type.Union([Type.Literal("input_text"), Type.Literal("output_text")]),
  text: Type.String(),
});

const ROLE = Type.Union(
  [Type.Literal("system"), Type.Literal("developer"), Type.Literal("user"), Type.Literal("assistant")],
  { title: "one of system, developer, user and assistant" },
);
const CONTENT = Type.Union([Type.String(), Type.Array(PART, { minItems: 1 })], {
  title: 'a string or a list of parts {"type": "input_text", "text": ...}; this model reads text only',
});

/** A message, a call of a function, or the result of one: what each needs is checked below, so that errors name the key. */
const INPUT_ITEM = Type.Object({
  type: optional(
    Type.Union([Type.Literal("message"), Type.Literal("function_call"), Type.Literal("function_call_output")]),
  ),
  ...{ role: optional(ROLE), content: optional(CONTENT) },
  ...{ call_id: optional(TEXT), name: optional(TEXT), arguments: optional(TEXT) },
  output: optional(CONTENT),
});
type InputItem = Static<typeof INPUT_ITEM>;

const { n: _n, max_tokens: _max, stream_options: _options, return_progress: _progress, ...sampling } = SAMPLING_FIELDS;
const { return_token_ids: _ids, timings_per_token: _timings, ...SAMPLING } = sampling;

export const RESPONSE_REQUEST = Type.Object({
  input: Type.Union([Type.String(), Type.Array(INPUT_ITEM, { minItems: 1 })], {
    title: "a string, or a list of at least one message",
  }),
  instructions: optional(TEXT),
  ...SAMPLING,
  ...TOOL_FIELDS,
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
export function checkResponse({ include = [], top_logprobs: top, ...request }: ResponseRequest): void {
  const unknown = include.findIndex((name) => !NEVER_THERE.test(name));
  if (unknown >= 0) throw invalid(`include[${unknown}] is not a part of an answer`, `include[${unknown}]`);
  if (top && !include.includes(LOGPROBS_INCLUDED)) {
    throw invalid(`top_logprobs needs include: ["${LOGPROBS_INCLUDED}"]`, "top_logprobs");
  }
  if (request.stream_options && !request.stream) throw invalid("stream_options needs stream: true", "stream_options");
}

/** The form that `text.format` asks for; null: any text. Throws ApiError for one that is wrong. */
export function askedTextFormat({ text }: ResponseRequest): AskedForm | null {
  const field = "text.format";
  const format = text?.format ?? { type: "text" };
  if (format.type === "text") return null;
  if (format.type === "json_object") return { form: { jsonObject: true }, field };
  if (format.type === "json_schema")
    return { form: { jsonSchema: namedSchema(format, field) }, field: `${field}.schema` };
  throw unsupported(`${field}.type`, "the types are text, json_object and json_schema");
}

/** The tools of a request, in the form of chats. */
export function askedFunctions(request: ResponseRequest): AskedTools | null {
  const { tools, tool_choice, parallel_tool_calls } = request;
  return askedTools({
    ...{ tools: nestedTools(tools ?? []) },
    ...(tool_choice !== undefined && { tool_choice }),
    ...(parallel_tool_calls !== undefined && { parallel_tool_calls }),
  });
}

/** A dialog, and which item of the input each of its messages begins with; -1: the instructions. */
interface InputDialog {
  messages: ChatRequest["messages"];
  places: number[];
}

/** The dialog of a request, in the form of chats: calls belong to the answer before them. Throws ApiError that names what is missing. */
export function messagesOf({ input, instructions }: ResponseRequest): InputDialog {
  const messages: ChatRequest["messages"] = instructions ? [{ role: "system", content: instructions }] : [];
  const places = messages.map(() => -1);
  if (typeof input === "string") {
    return { messages: [...messages, { role: "user", content: input }], places: [...places, 0] };
  }
  for (const [i, item] of input.entries()) {
    const last = messages.at(-1);
    if (item.type === "function_call" && last?.role === "assistant") {
      messages[messages.length - 1] = { ...last, tool_calls: [...(last.tool_calls ?? []), callOf(item, i)] };
      continue;
    }
    messages.push(
      item.type === "function_call" ? { role: "assistant", tool_calls: [callOf(item, i)] } : messageOf(item, i),
    );
    places.push(i);
  }
  return { messages, places };
}

function callOf(item: InputItem, i: number): object {
  const id = needed(item, "call_id", i);
  return { id, type: "function", function: { name: needed(item, "name", i), arguments: needed(item, "arguments", i) } };
}

function messageOf(item: InputItem, i: number): ChatRequest["messages"][number] {
  if (item.type === "function_call_output") {
    return { role: "tool", tool_call_id: needed(item, "call_id", i), content: textOf(needed(item, "output", i)) };
  }
  return { role: needed(item, "role", i), content: textOf(needed(item, "content", i)) };
}

function textOf(content: Static<typeof CONTENT>): string {
  return typeof content === "string" ? content : content.map((part) => part.text).join("\n");
}

function needed<K extends keyof InputItem>(item: InputItem, key: K, i: number): NonNullable<InputItem[K]> {
  const value = item[key];
  if (value === undefined)
    throw invalid(`input[${i}].${key} is missing`, `input[${i}].${key}`, "missing_required_parameter");
  return value as NonNullable<InputItem[K]>;
}
