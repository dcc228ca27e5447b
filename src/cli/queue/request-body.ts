/** The body of a request in the queue: its kind, what its answer repeats, and what its kind needs. Does not know the kinds. */
import { LlamaError } from "../../error.js";
import { isObject } from "../../formats/files/json-value.js";
import { finiteOrText } from "../../generation/options/json-numbers.js";
import type { Json } from "../../generation/options/wrong-type.js";
import type { Origin } from "../json-lines/json-line.js";
import { rawValues } from "../json-lines/raw-values.js";

/** What a request asks for: a line of `batch`, of `score`, and so on. */
export interface QueueBody {
  kind: string;
  origin: Origin;
  fields: Json;
}

/** A line may be nested 500 levels deep, and stands two levels deep in a body. */
const MAX_DEPTH = 502;
const DECODER = new TextDecoder("utf-8", { fatal: true });

export function encodeBody({ kind, origin, fields }: { kind: string; origin: Origin; fields: object }): Uint8Array {
  const { id, metadata } = origin;
  return new TextEncoder().encode(JSON.stringify({ kind, id, metadata, ...fields }, finiteOrText));
}

/** `line`: from the subject. Believes nothing; throws LlamaError (usage) for what is not a body. */
export function decodeBody(data: Uint8Array, line: number): QueueBody {
  let text: string;
  let body: unknown;
  try {
    text = DECODER.decode(data);
    // JSON.stringify and the checks of values would fail on what is nested deeper.
    if (rawValues(text).depth > MAX_DEPTH) throw new Error("nested too deeply");
    body = JSON.parse(text);
  } catch (cause) {
    throw wrong(`it cannot be read as JSON (${(cause as Error).message})`);
  }
  if (!isObject(body) || typeof body.kind !== "string") throw wrong("it names no kind");
  const { kind, id, metadata, ...fields } = body;
  if (!isJsonText(id) || !/^["\d-]|^null$/.test(id)) throw wrong("its id is not a string or a number");
  if (metadata !== undefined && !isJsonText(metadata)) throw wrong("its metadata is not JSON");
  return { kind, origin: { line, id, ...(metadata !== undefined && { metadata }) }, fields };
}

/** One JSON value as text, on one line: it is written into the record as it is. */
function isJsonText(text: unknown): text is string {
  if (typeof text !== "string" || /[\n\r]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function wrong(found: string): LlamaError {
  return new LlamaError("usage", "the request in the queue is not one of llama-ts", { found });
}
