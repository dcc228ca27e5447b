/** Parses an input line into a JSON object with an id, and makes the output record. Does not know what a request means. */
import { LlamaError } from "../../error.js";
import { quoted } from "../../formats/files/quoted.js";
import { decodeText } from "../../formats/files/text.js";
import { type Json, wrongType } from "../../generation/options/wrong-type.js";
import type { InputLine } from "./line-reader.js";
import { keyAdvice, lineAdvice } from "./other-forms.js";
import { rawValues } from "./raw-values.js";

/** The parts of a request that its answer repeats. */
export interface Origin {
  line: number;
  /** As it is written, in JSON; "null" if the request has no id. */
  id: string;
  /** As it is written, in JSON. */
  metadata?: string;
}

/** JSON.stringify and many other programs fail for values that are nested a few thousand levels deep. */
const MAX_DEPTH = 500;
/** A number with more characters is compared as it is written. */
const MAX_DIGITS = 100;

/** Keys that every line may have. */
const COMMON_KEYS = ["id", "metadata"];

/** The request that `request` makes from the line's object, or the error. Keys other than `keys`, id and metadata are an error. */
export function readLine<R>(
  line: InputLine,
  keys: readonly string[],
  request: (json: Json, origin: Origin) => R,
): { origin: Origin; request: R; error: null } | { origin: Origin; request: null; error: LlamaError } {
  const origin: Origin = { line: line.number, id: "null" };
  try {
    const text = textOf(line);
    const { depth, values } = rawValues(text);
    if (depth > MAX_DEPTH) {
      origin.id = scalarOf(values.get("id"));
      const [expected, found] = [`at most ${MAX_DEPTH} levels`, String(depth)];
      throw new LlamaError("usage", "line is nested too deeply", { expected, found });
    }
    const json = parseJson(text);
    if (!isId(json.id)) throw wrongType("id", "a string or a number", json.id);
    origin.id = values.get("id") ?? "null";
    if (json.metadata !== undefined) origin.metadata = values.get("metadata")!;
    const known = [...COMMON_KEYS, ...keys];
    const unknown = Object.keys(json).find((key) => !known.includes(key));
    if (unknown !== undefined) {
      const fix = keyAdvice(json, unknown, known);
      const details = fix === undefined ? { expected: known.join(", ") } : { fix };
      throw new LlamaError("usage", "unknown key", { ...details, found: quoted(unknown) });
    }
    return { origin, request: request(json, origin), error: null };
  } catch (error) {
    if (error instanceof LlamaError) return { origin, request: null, error };
    throw error;
  }
}

/** The output record of an answer or an error, in JSON: id and metadata as they were written. */
export function recordOf({ id, line, metadata }: Origin, fields: object | null, error: LlamaError | null): string {
  const origin = `"id":${id},"line":${line}${metadata === undefined ? "" : `,"metadata":${metadata}`}`;
  const rest = JSON.stringify(error ? { error: { kind: error.kind, message: error.message } } : fields).slice(1, -1);
  return `{${origin}${rest === "" ? "" : `,${rest}`}}`;
}

/** The parts of an output record that say which request it is of, and whether it is an answer. Throws if the line is not a record. */
export function readRecord(text: string): { origin: Origin; isAnswer: boolean } {
  const { depth, values } = rawValues(text);
  const { id, line, error } = depth > MAX_DEPTH ? {} : (JSON.parse(text) as Json);
  if (!isId(id) || !Number.isInteger(line)) throw new LlamaError("usage", "is not a record");
  return { origin: { id: values.get("id") ?? "null", line: line as number }, isAnswer: error === undefined };
}

/** The key of a request: its id, or else its line number. Ids are equal if their strings or the values of their numbers are. */
export function keyOf({ id, line }: Origin): string {
  if (id === "null") return `line ${line}`;
  return id.startsWith('"') ? JSON.stringify(JSON.parse(id)) : exactNumber(id);
}

/** The same text for all ways to write a number: its digits without zeros at the ends, and the power of ten. */
function exactNumber(number: string): string {
  const [, sign, whole, fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? [];
  if (whole === undefined || number.length > MAX_DIGITS) return number;
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length);
  return `${sign}${significant}e${power}`;
}

function isId(id: unknown): boolean {
  return id === undefined || id === null || typeof id === "string" || typeof id === "number";
}

/** The JSON of an id in a line that is not parsed as a whole; "null" if it is not one. */
function scalarOf(json: string | undefined): string {
  try {
    return json !== undefined && !/^[[{]/.test(json) && isId(JSON.parse(json)) ? json : "null";
  } catch {
    return "null";
  }
}

function textOf({ bytes, length }: InputLine): string {
  if (bytes === null) throw new LlamaError("usage", "line is too long", { found: `${length} bytes` });
  return decodeText(bytes, "line");
}

function parseJson(text: string): Json {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new LlamaError("usage", `line is not JSON: ${(error as Error).message}`, { fix: lineAdvice(text) });
  }
  if (json === null || typeof json !== "object" || Array.isArray(json)) {
    throw new LlamaError("usage", "line is not a JSON object", { fix: lineAdvice(text) });
  }
  return json as Json;
}
