/** Reads a JSON file that describes a model, and checks the values in it. Knows keys and ranges; does not know what they mean. */
import { LlamaError } from "../../error.js";
import { readWhole } from "./byte-source.js";
import { isObject, showValue } from "./json-value.js";
import { decodeText } from "./text.js";

/** Files of this kind have a few kilobytes; an index of shards has a few hundred. */
const MAX_BYTES = 16 * 1024 * 1024;

/** The values of a file as written, without defaults. */
export interface JsonObject {
  file: string;
  values: ReadonlyMap<string, unknown>;
}

/** Reads a file whose root is an object; `missingFix` is the advice if the file does not exist. */
export function readJsonObject(file: string, missingFix: string): Record<string, unknown> {
  const text = readText(file, missingFix);
  if (text.trim() === "") throw new LlamaError("model", "is not valid JSON", { where: file, found: "an empty file" });
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (cause) {
    // Python's json writes and reads these, but no key of a model may have such a value.
    const bare = /[:,[]\s*(-?Infinity|NaN)\b/.exec(text)?.[1];
    const found = bare === undefined ? (cause as Error).message.replaceAll(/[\s\p{C}]+/gu, " ") : `a bare ${bare}`;
    throw new LlamaError("model", "is not valid JSON", { where: file, found, cause });
  }
  return asObject(root, file);
}

function readText(file: string, missingFix: string): string {
  try {
    return decodeText(readWhole(file, MAX_BYTES, "a file of this kind"), file, "model");
  } catch (error) {
    const { code } = ((error as LlamaError).cause ?? {}) as NodeJS.ErrnoException;
    if (code !== "ENOENT") throw error;
    throw new LlamaError("model", "file is missing", { where: file, fix: missingFix, cause: error });
  }
}

/** `value` as an object; throws a LlamaError that names `where` if it is something else. */
export function asObject(value: unknown, where: string): Record<string, unknown> {
  if (isObject(value)) return value;
  throw new LlamaError("model", "must be a JSON object", { where, found: showValue(value) });
}

export function integer(raw: JsonObject, key: string, max: number, fallback?: number): number {
  const fits = (value: number) => Number.isInteger(value) && value >= 1 && value <= max;
  return number(raw, key, `a positive integer up to ${max}`, fits, fallback);
}

/** The number under `key`; null counts as absent, as it does for Meta's optional fields. */
export function number(
  raw: JsonObject,
  key: string,
  expected: string,
  fits: (value: number) => boolean,
  fallback?: number,
): number {
  const value = raw.values.get(key) ?? fallback;
  if (value === undefined) throw badValue(raw, key, expected, "no value");
  if (typeof value !== "number" || !Number.isFinite(value) || !fits(value)) {
    throw badValue(raw, key, expected, showValue(value));
  }
  return value;
}

/** The boolean under `key`, false when it is absent or null. */
export function flag(raw: JsonObject, key: string): boolean {
  const value = raw.values.get(key) ?? false;
  if (typeof value !== "boolean") throw badValue(raw, key, "true or false", showValue(value));
  return value;
}

export function badValue(raw: JsonObject, key: string, expected: string, found: string): LlamaError {
  return new LlamaError("model", `bad ${key}`, { where: raw.file, expected, found });
}
