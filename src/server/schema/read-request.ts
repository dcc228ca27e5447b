/**
 * Checks a body against its schema. Fields are honoured, harmless, refused or unknown: a field is never dropped silently where
 * that would change the answer. Does not know what routes do with them.
 */
import type { Static, TObject, TSchema } from "typebox";
import { Value } from "typebox/value";
import { invalid, unsupported } from "../http/api-error.js";

/** Fields that clients send and that change no answer here. */
const HARMLESS = new Set([
  ...["user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"],
  ...["parallel_tool_calls", "verbosity", "reasoning_effort", "prediction"],
]);

const TOOLS = "this server calls no tools; leave it out, or describe the tools in the messages";
const FORM = "this server does not bind answers to a form; ask for it in the prompt";
const TEXT_ONLY = "this model reads and writes text only";

/** Fields that would change the answer, with the reason. Their empty and default values pass. */
const REFUSED: Readonly<Record<string, { why: string; passes?: (value: never) => boolean }>> = {
  tools: { why: TOOLS },
  tool_choice: { why: TOOLS, passes: (value) => value === "none" || value === "auto" },
  functions: { why: TOOLS },
  function_call: { why: TOOLS, passes: (value) => value === "none" || value === "auto" },
  response_format: { why: FORM, passes: ({ type }: { type?: unknown }) => type === "text" },
  grammar: { why: FORM },
  json_schema: { why: FORM },
  guided_json: { why: FORM },
  guided_regex: { why: FORM },
  guided_choice: { why: FORM },
  guided_grammar: { why: FORM },
  audio: { why: TEXT_ONLY },
  modalities: { why: TEXT_ONLY, passes: (value: unknown) => JSON.stringify(value) === '["text"]' },
  web_search_options: { why: "this server asks no other" },
  suffix: { why: "this model continues text and does not fill gaps" },
  chat_template: { why: "the format of a chat is chosen at the start, with --chat" },
};

/** What follows from names of messages' fields that are not read. */
const REFUSED_IN_MESSAGE = ["tool_calls", "function_call", "audio"];

export type BodySchema = TObject;
export type AnswerSchema = TSchema;

export interface ReadRequest<T> {
  request: T;
  /** Unknown fields. */
  ignored: string[];
}

/** The checked fields of a body; null is absent. Throws ApiError that names the first wrong field. */
export function readRequest<S extends TObject>(
  schema: S,
  body: Record<string, unknown>,
  isStrict: boolean,
): ReadRequest<Static<S>> {
  const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
  const known: Record<string, unknown> = {};
  const ignored: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    if (Object.hasOwn(schema.properties, name)) known[name] = value;
    else if (Object.hasOwn(REFUSED, name)) checkRefused(name, value);
    else if (!HARMLESS.has(name)) ignored.push(name);
  }
  if (isStrict && ignored.length > 0) {
    throw invalid(`Unknown field ${ignored[0]}; --strict_fields refuses those`, ignored[0]!, "unsupported_parameter");
  }
  if (Array.isArray(known.messages)) known.messages.forEach(checkMessage);
  if (!Value.Check(schema, known)) throw wrongField(schema, known);
  return { request: known as Static<S>, ignored };
}

function checkRefused(name: string, value: unknown): void {
  const { why, passes } = REFUSED[name]!;
  const isEmpty = value === "" || value === false || (Array.isArray(value) && value.length === 0);
  if (isEmpty || passes?.(value as never)) return;
  throw unsupported(name, why);
}

function checkMessage(message: unknown, index: number): void {
  if (message === null || typeof message !== "object") return;
  const where = `messages[${index}]`;
  for (const name of REFUSED_IN_MESSAGE) {
    const value = (message as Record<string, unknown>)[name];
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) continue;
    throw unsupported(`${where}.${name}`, name === "audio" ? TEXT_ONLY : TOOLS);
  }
  const { content } = message as { content?: unknown };
  if (!Array.isArray(content)) return;
  for (const [i, part] of content.entries()) {
    const type = (part as { type?: unknown } | null)?.type;
    if (typeof type === "string" && type !== "text")
      throw unsupported(`${where}.content[${i}]`, `${type.slice(0, 40)}: ${TEXT_ONLY}`);
  }
}

/** The error for the first field that does not fit, by what its schema says is expected. */
function wrongField(schema: TObject, known: Record<string, unknown>): Error {
  const [first] = Value.Errors(schema, known);
  if (first?.keyword === "required" && first.instancePath === "") {
    const [name = ""] = (first.params as { requiredProperties: string[] }).requiredProperties;
    return invalid(`${name} is missing`, name, "missing_required_parameter");
  }
  const [, name = "", ...rest] = (first?.instancePath ?? "").split("/");
  const isDeep = name === "messages" && rest.length > 0;
  const value = isDeep ? valueAt(known[name], rest.slice(0, 2)) : known[name];
  const property = schema.properties[name] as { title?: string } | undefined;
  const param = name + (isDeep ? placeOf(rest) : "");
  const expected = isDeep ? messageExpectation(rest) : (property?.title ?? first?.message ?? "another value");
  const isType = first?.keyword === "type" || first?.keyword === "anyOf";
  return invalid(
    `${param} must be ${expected}; found ${show(value)}`,
    param,
    isType ? "invalid_type" : "invalid_value",
  );
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce((one, name) => (one as Record<string, unknown> | null)?.[name], value);
}

/** Up to the field of a message. */
function placeOf(path: readonly string[]): string {
  const [index = "0", field] = path;
  return `[${index}]${field === undefined ? "" : `.${field}`}`;
}

function messageExpectation([, field]: readonly string[]): string {
  if (field === "role") return "system, developer, user, assistant, tool or ipython";
  if (field === "token_ids") return "a list of token ids";
  if (field === "content") return 'a string or a list of parts {"type": "text", "text": ...}';
  return 'an object with "role" and "content"';
}

/** A value in few words; long ones are the client's text. */
function show(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list that does not fit";
  if (typeof value === "string") return "a string";
  return value !== null && typeof value === "object" ? "an object" : String(value);
}
