/** Checks a body against its schema, and says what is wrong in one sentence. Does not know what routes do with the fields. */
import type { Static, TObject, TSchema } from "typebox";
import { Value } from "typebox/value";
import { invalid } from "../http/api-error.js";
import { checkMessages, checkRefused, HARMLESS, isRefused } from "./refused-fields.js";

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
  /** Before the names of fields in errors. */
  prefix = "",
): ReadRequest<Static<S>> {
  const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
  const known: Record<string, unknown> = {};
  const ignored: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    if (Object.hasOwn(schema.properties, name)) known[name] = value;
    else if (isRefused(name)) checkRefused(name, value);
    else if (!HARMLESS.has(name)) ignored.push(name);
  }
  if (isStrict && ignored.length > 0) {
    const name = prefix + ignored[0]!;
    throw invalid(`Unknown field ${name}; this server refuses those`, name, "unsupported_parameter");
  }
  checkMessages("messages", known.messages);
  checkMessages("input", known.input);
  if (!Value.Check(schema, known)) throw wrongField(schema, known, prefix);
  return { request: known as Static<S>, ignored: ignored.map((name) => prefix + name) };
}

/** The error for the first field that does not fit, by what its schema says is expected. */
function wrongField(schema: TObject, known: Record<string, unknown>, prefix: string): Error {
  const first = firstError(schema, known);
  if (first?.keyword === "required" && first.path === "") {
    const [name = ""] = (first.params as { requiredProperties: string[] }).requiredProperties;
    return invalid(`${name} is missing`, name, "missing_required_parameter");
  }
  const [, name = "", ...rest] = (first?.path ?? "").split("/");
  const isDeep = LISTS.includes(name) && rest.length > 0;
  const value = isDeep ? valueAt(known[name], rest.slice(0, 2)) : known[name];
  const property = schema.properties[name] as { title?: string } | undefined;
  const param = prefix + name + (isDeep ? placeOf(rest) : "");
  const expected = isDeep ? messageExpectation(name, rest) : (property?.title ?? first?.message ?? "another value");
  const isType = first?.keyword === "type" || first?.keyword === "anyOf";
  return invalid(
    `${param} must be ${expected}; found ${show(value)}`,
    param,
    isType ? "invalid_type" : "invalid_value",
  );
}

/** Fields that are, or may be, lists of messages. */
const LISTS = ["messages", "input"];

function firstError(schema: TObject, known: Record<string, unknown>) {
  const [first] = Value.Errors(schema, known);
  const [, name = ""] = first?.instancePath.split("/") ?? [];
  const { anyOf } = (schema.properties[name] ?? {}) as { anyOf?: TSchema[] };
  const list = LISTS.includes(name) && Array.isArray(known[name]) && anyOf?.find((one) => "items" in one);
  // Of a text or a list, only what is wrong in the list tells anything.
  const [inner] = list ? Value.Errors(list, known[name]) : [];
  const found = inner ?? first;
  return found && { ...found, path: inner ? `/${name}${inner.instancePath}` : found.instancePath };
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce((one, name) => (one as Record<string, unknown> | null)?.[name], value);
}

/** Up to the field of a message. */
function placeOf(path: readonly string[]): string {
  const [index = "0", field] = path;
  return `[${index}]${field === undefined ? "" : `.${field}`}`;
}

function messageExpectation(list: string, [, field]: readonly string[]): string {
  if (field === "role" && list === "input") return "system, developer, user or assistant";
  if (field === "role") return "system, developer, user, assistant, tool or ipython";
  if (field === "token_ids") return "a list of token ids";
  const type = list === "input" ? "input_text" : "text";
  if (field === "content") return `a string or a list of parts {"type": "${type}", "text": ...}`;
  return 'an object with "role" and "content"';
}

/** A value in few words; long ones are the client's text. */
function show(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list that does not fit";
  if (typeof value === "string") return "a string";
  return value !== null && typeof value === "object" ? "an object" : String(value);
}
