/** Parses an input line into a JSON object with an id, and makes the output record. Does not know what a request means. */
import { LlamaError } from "../../error.js";
import { quoted } from "../../formats/files/quoted.js";
import { type Json, wrongType } from "../../generation/options/wrong-type.js";
import type { InputLine } from "./line-reader.js";

/** The parts of a request that its answer repeats. */
export interface Origin {
  line: number;
  /** null if the request has no id. */
  id: string | number | null;
  metadata?: unknown;
}

/** Keys that every line may have. */
const COMMON_KEYS = ["id", "metadata"];

/** The request that `request` makes from the line's object, or the error. Keys other than `keys`, id and metadata are an error. */
export function readLine<R>(
  line: InputLine,
  keys: readonly string[],
  request: (json: Json, origin: Origin) => R,
): { origin: Origin; request: R; error: null } | { origin: Origin; request: null; error: LlamaError } {
  const origin: Origin = { line: line.number, id: null };
  try {
    const json = parseJson(line);
    if (typeof json.id === "string" || typeof json.id === "number") origin.id = json.id;
    else if (json.id !== undefined && json.id !== null) throw wrongType("id", "a string or a number", json.id);
    if (json.metadata !== undefined) origin.metadata = json.metadata;
    const known = [...COMMON_KEYS, ...keys];
    const unknown = Object.keys(json).find((key) => !known.includes(key));
    if (unknown !== undefined) {
      throw new LlamaError("usage", "unknown key", { expected: known.join(", "), found: quoted(unknown) });
    }
    return { origin, request: request(json, origin), error: null };
  } catch (error) {
    if (error instanceof LlamaError) return { origin, request: null, error };
    throw error;
  }
}

/** The output record of an answer or an error. */
export function recordOf({ id, line, metadata }: Origin, fields: object | null, error: LlamaError | null): object {
  const origin = { id, line, ...(metadata !== undefined && { metadata }) };
  return error ? { ...origin, error: { kind: error.kind, message: error.message } } : { ...origin, ...fields };
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
  if (json === null || typeof json !== "object" || Array.isArray(json)) throw wrongType("line", "a JSON object", json);
  return json as Json;
}
