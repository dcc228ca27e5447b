/** Converts a JSON object into a request: its prompt and options. Checks types; ranges are checked where values are used. */
import { LlamaError } from "../../error.js";
import { isObject } from "../../formats/files/json-value.js";
import { type DialogInput, readDialog } from "../chat/dialog.js";
import type { Form } from "../form/form.js";
import { type Json, wrongType } from "../options/wrong-type.js";
import { SAMPLING_ROWS } from "../sampling/option-table.js";
import type { BatchRequest, BatchRequestOptions } from "./batch.js";

const OPTIONS = SAMPLING_ROWS.filter(({ isRequestKey }) => isRequestKey !== false);
const PROMPTS = ["prompt", "prompt_ids", "messages"];
const FORMS = ["json_schema", "json_object", "regex", "grammar"];

export const REQUEST_KEYS = [
  ...PROMPTS,
  ...OPTIONS.map(({ name }) => name),
  ...FORMS,
  "echo",
  "parse_special",
  "logprobs",
];

/** Makes a request. `defaults` apply to options that the object omits; null counts as omitted. Throws LlamaError (usage) that names the key. */
export function requestOf<T>(json: Json, tag: T, defaults: BatchRequestOptions): BatchRequest<T> {
  return { tag, ...promptOf(json), options: { ...defaults, ...optionsOf(json) } };
}

function promptOf(json: Json): { prompt: string | number[] } | { messages: DialogInput } {
  const given = PROMPTS.filter((key) => json[key] !== undefined);
  if (given.length !== 1) {
    throw new LlamaError("usage", given.length === 0 ? "no prompt" : "more than one prompt", {
      expected: `one of ${PROMPTS.join(", ")}`,
      ...(given.length > 1 && { found: given.join(" and ") }),
    });
  }
  const { prompt, prompt_ids, messages } = json;
  if (messages !== undefined) {
    if (Array.isArray(messages)) return { messages: readDialog(messages) };
    throw wrongType("messages", 'a list of {"role": ..., "content": ...}', messages);
  }
  if (prompt_ids !== undefined) return { prompt: idsOf("prompt_ids", prompt_ids) };
  if (typeof prompt === "string") return { prompt };
  throw wrongType("prompt", "a string", prompt);
}

/** Token ids under `key`. Throws LlamaError (usage) for anything but a list of numbers. */
export function idsOf(key: string, value: unknown): number[] {
  if (Array.isArray(value) && value.every((id) => typeof id === "number")) return value;
  throw wrongType(key, "a list of token ids", value);
}

function optionsOf(json: Json): BatchRequestOptions {
  const options: Json = {};
  for (const { name, key, kind } of OPTIONS) {
    const value = json[name] ?? undefined;
    if (value === undefined) continue;
    if (!kind.isType(value)) throw wrongType(name, kind.type, value);
    options[key] = value;
  }
  for (const [name, key] of [
    ["echo", "echo"],
    ["parse_special", "parseSpecial"],
  ] as const) {
    const value = json[name] ?? undefined;
    if (value !== undefined && typeof value !== "boolean") throw wrongType(name, "true or false", value);
    if (value !== undefined) options[key] = value;
  }
  const form = formOf(json);
  if (form !== null) options.form = form;
  const logprobs = json.logprobs ?? undefined;
  if (logprobs === undefined) return options;
  if (typeof logprobs !== "boolean" && typeof logprobs !== "number") {
    throw wrongType("logprobs", "true, false or a number", logprobs);
  }
  return { ...options, logprobs: logprobs !== false, topLogprobs: typeof logprobs === "number" ? logprobs : 0 };
}

/** The form that a request asks for; null: any text. The form itself is checked where it is used. */
function formOf(json: Json): Form | null {
  const given = FORMS.filter((key) => (json[key] ?? null) !== null && (key !== "json_object" || json[key] !== false));
  const [key] = given;
  if (key === undefined) return null;
  if (given.length > 1) throw new LlamaError("usage", "more than one form", { found: given.join(" and ") });
  const value = json[key];
  if (key === "json_schema") {
    if (typeof value !== "boolean" && !isObject(value)) throw wrongType(key, "a JSON schema", value);
    return { jsonSchema: value };
  }
  if (key === "json_object") {
    if (value !== true) throw wrongType(key, "true or false", value);
    return { jsonObject: true };
  }
  if (typeof value !== "string") throw wrongType(key, "a string", value);
  return key === "regex" ? { regex: value } : { grammar: value };
}
