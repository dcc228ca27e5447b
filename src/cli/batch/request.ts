/** A line of the input as a request: JSON, its keys, and their checks. Knows names and types; ranges are checked where they are used. */
import { LlamaError } from "../../error.js";
import { shown } from "../../formats/shown.js";
import type { BatchRequest, BatchRequestOptions } from "../../index.js";
import type { InputLine } from "./line-reader.js";

/** What the answer's record repeats of its request. */
export interface Origin {
  line: number;
  /** null where the request gives none. */
  id: string | number | null;
  metadata?: unknown;
}

export type ParsedLine =
  | { origin: Origin; request: BatchRequest<Origin>; error: null }
  | { origin: Origin; request: null; error: LlamaError };

type Options = BatchRequestOptions;
type Json = Record<string, unknown>;

/** Options of a request by their names on the command line, and what they are in the library. */
const OPTIONS: Readonly<Record<string, { name: keyof Options; isValid: (value: unknown) => boolean; type: string }>> = {
  temperature: { name: "temperature", isValid: isNumber, type: "a number" },
  top_p: { name: "topP", isValid: isNumber, type: "a number" },
  max_gen_len: { name: "maxGenLen", isValid: isNumber, type: "a number" },
  seed: { name: "seed", isValid: isNumber, type: "a number" },
  echo: { name: "echo", isValid: (value) => typeof value === "boolean", type: "true or false" },
};
const PROMPTS = ["prompt", "prompt_ids", "messages"];
const KEYS = ["id", "metadata", ...PROMPTS, ...Object.keys(OPTIONS), "logprobs"];

/** The request of a line, with `defaults` for what it does not say; the seed is that of the whole plus the line's number. */
export function parseLine(line: InputLine, defaults: Options & { seed: number }): ParsedLine {
  const origin: Origin = { line: line.number, id: null };
  try {
    const json = parseJson(line);
    if (typeof json.id === "string" || typeof json.id === "number") origin.id = json.id;
    else if (json.id !== undefined && json.id !== null) throw wrong("id", "a string or a number", json.id);
    if (json.metadata !== undefined) origin.metadata = json.metadata;
    const unknown = Object.keys(json).find((key) => !KEYS.includes(key));
    if (unknown !== undefined) {
      throw new LlamaError("usage", "unknown key", { expected: KEYS.join(", "), found: shown(unknown) });
    }
    const seed = (defaults.seed + line.number - 1) % 2 ** 32;
    const options = { ...defaults, seed, ...requestOptions(json) };
    return { origin, request: { tag: origin, prompt: promptOf(json), options }, error: null };
  } catch (error) {
    if (error instanceof LlamaError) return { origin, request: null, error };
    throw error;
  }
}

function parseJson({ bytes, length }: InputLine): Json {
  if (bytes === null) throw new LlamaError("usage", "line is too long", { found: `${length} bytes` });
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new LlamaError("usage", "line is not UTF-8");
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new LlamaError("usage", `line is not JSON: ${(error as Error).message}`);
  }
  if (json === null || typeof json !== "object" || Array.isArray(json)) throw wrong("line", "a JSON object", json);
  return json as Json;
}

function promptOf(json: Json): string | number[] {
  const given = PROMPTS.filter((key) => json[key] !== undefined);
  if (given.length !== 1) {
    throw new LlamaError("usage", given.length === 0 ? "no prompt" : "more than one prompt", {
      expected: `one of ${PROMPTS.join(", ")}`,
      ...(given.length > 1 && { found: given.join(" and ") }),
    });
  }
  const { prompt, prompt_ids, messages } = json;
  if (messages !== undefined) {
    throw new LlamaError("usage", "messages are not supported yet", {
      fix: "Give the text as prompt, or ids as prompt_ids",
    });
  }
  if (prompt_ids !== undefined) {
    if (Array.isArray(prompt_ids) && prompt_ids.every(isNumber)) return prompt_ids;
    throw wrong("prompt_ids", "a list of token ids", prompt_ids);
  }
  if (typeof prompt === "string") return prompt;
  throw wrong("prompt", "a string", prompt);
}

function requestOptions(json: Json): Options {
  const options: Json = {};
  for (const [key, { name, isValid, type }] of Object.entries(OPTIONS)) {
    const value = json[key];
    if (value === undefined || value === null) continue;
    if (!isValid(value)) throw wrong(key, type, value);
    options[name] = value;
  }
  const { logprobs } = json;
  if (logprobs === undefined || logprobs === null) return options;
  if (typeof logprobs !== "boolean" && !isNumber(logprobs))
    throw wrong("logprobs", "true, false or a number", logprobs);
  return { ...options, logprobs: logprobs !== false, topLogprobs: isNumber(logprobs) ? logprobs : 0 };
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

function wrong(where: string, expected: string, value: unknown): LlamaError {
  const found = value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
  return new LlamaError("usage", "has the wrong type", { where, expected, found });
}
