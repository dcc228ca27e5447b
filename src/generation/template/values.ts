/** Values of a template as Python has them: texts, equality, JSON. Does not know templates or filters. */
import type { Environment } from "@huggingface/jinja";
import type { Limits } from "./limits.js";

/** A value of the library; what `value` is follows from `type`. */
export interface Value {
  readonly type: string;
  readonly value: unknown;
  readonly builtins: ReadonlyMap<string, Value>;
  __bool__(): { value: boolean };
  toString(): string;
}

/** The constructors of the library's values, which it does not export, and shorthands for them. */
export class Values {
  readonly #convert: (value: unknown) => Value;

  constructor(newEnvironment: () => Environment) {
    this.#convert = (value) => newEnvironment().set("value", value) as Value;
  }

  /** From texts, numbers, booleans, null, undefined, and lists and objects of these. */
  of(value: unknown): Value {
    return this.#convert(value);
  }

  list(items: readonly Value[]): Value {
    return this.#filled([], [...items]);
  }

  mapping(entries: Iterable<readonly [string, Value]>): Value {
    return this.#filled({}, new Map(entries));
  }

  callable(call: (args: Value[]) => Value): Value {
    return this.#filled(() => null, call);
  }

  #filled(empty: unknown, content: unknown): Value {
    const value = this.#convert(empty);
    (value as { value: unknown }).value = content;
    return value;
  }
}

export const isText = (value: Value | undefined): value is Value & { value: string } => value?.type === "StringValue";
export const isList = (value: Value): value is Value & { value: Value[] } =>
  value.type === "ArrayValue" || value.type === "TupleValue";
export const isMapping = (value: Value): value is Value & { value: Map<string, Value> } =>
  value.type === "ObjectValue" || value.type === "KeywordArgumentsValue";
export const isUndefined = (value: Value | undefined) => value === undefined || value.type === "UndefinedValue";
export const isInteger = (value: Value | undefined): value is Value & { value: number } =>
  value?.type === "IntegerValue";
export const isNumber = (value: Value | undefined): value is Value & { value: number } =>
  value?.type === "IntegerValue" || value?.type === "FloatValue";

/** Python's str(), which a template writes; nothing for an undefined value. */
export function textOf(value: Value, limits: Limits): string {
  if (isText(value)) return value.value;
  return isUndefined(value) ? "" : repr(value, limits);
}

/** Python's repr(). */
function repr(value: Value, limits: Limits): string {
  limits.step();
  if (isText(value)) return quoted(value.value, limits);
  if (value.type === "NullValue") return "None";
  if (value.type === "BooleanValue") return value.value ? "True" : "False";
  if (isNumber(value)) return value.toString();
  if (isUndefined(value)) return "Undefined";
  if (isList(value)) {
    const [open, close] = value.type === "TupleValue" ? ["(", value.value.length === 1 ? ",)" : ")"] : ["[", "]"];
    return counted(`${open}${value.value.map((item) => repr(item, limits)).join(", ")}${close}`, limits);
  }
  if (value.type === "FunctionValue") return "<function>";
  const entries = [...(value.value as Map<string, Value>)];
  const items = entries.map(([key, item]) => `${quoted(key, limits)}: ${repr(item, limits)}`);
  return counted(`{${items.join(", ")}}`, limits);
}

function quoted(text: string, limits: Limits): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replaceAll("\t", "\\t")
    .replaceAll(quote, `\\${quote}`);
  return counted(quote + escaped + quote, limits);
}

function counted(text: string, limits: Limits): string {
  limits.characters(text.length);
  return text;
}

/** Python's ==. */
export function areEqual(left: Value, right: Value, limits: Limits): boolean {
  limits.step();
  if (isText(left) || isText(right)) return isText(left) && isText(right) && left.value === right.value;
  const [one, other] = [numberOf(left), numberOf(right)];
  if (one !== null || other !== null) return one === other;
  if (isList(left) && isList(right)) {
    const items = right.value;
    return left.value.length === items.length && left.value.every((item, i) => areEqual(item, items[i]!, limits));
  }
  if (isMapping(left) && isMapping(right)) {
    const others = right.value;
    const isSame = ([key, item]: [string, Value]) => others.has(key) && areEqual(item, others.get(key)!, limits);
    return left.value.size === others.size && [...left.value].every(isSame);
  }
  return left === right || (left.type === right.type && (left.type === "NullValue" || isUndefined(left)));
}

/** True and False are numbers in Python. */
function numberOf(value: Value): number | null {
  return isNumber(value) || value.type === "BooleanValue" ? Number(value.value) : null;
}

export interface JsonOptions {
  indent: number | null;
  ensureAscii: boolean;
  separators: readonly [string, string];
  sortKeys: boolean;
}

/** Python's json.dumps(). */
export function jsonOf(value: Value, options: JsonOptions, limits: Limits, depth = 1): string {
  limits.step();
  if (isUndefined(value) || value.type === "FunctionValue")
    throw new Error(`${isUndefined(value) ? "an undefined value" : "a function"} is not JSON`);
  if (isText(value)) return counted(jsonText(value.value, options), limits);
  if (value.type === "NullValue") return "null";
  if (value.type === "BooleanValue") return String(value.value);
  if (isNumber(value)) return value.toString();
  const [between, colon] = options.separators;
  const write = (item: Value) => jsonOf(item, options, limits, depth + 1);
  const entries = isList(value) ? null : [...(value.value as Map<string, Value>)];
  if (options.sortKeys) entries?.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const items = entries
    ? entries.map(([key, item]) => jsonText(key, options) + colon + write(item))
    : (value.value as Value[]).map(write);
  const [open, close] = entries ? "{}" : "[]";
  if (options.indent === null || items.length === 0) return counted(open + items.join(between) + close, limits);
  limits.characters((items.length + 1) * options.indent * depth);
  const line = `\n${" ".repeat(options.indent * depth)}`;
  const end = `\n${" ".repeat(options.indent * (depth - 1))}`;
  return counted(open + line + items.join(between.trimEnd() + line) + end + close, limits);
}

function jsonText(text: string, { ensureAscii }: JsonOptions): string {
  const json = JSON.stringify(text);
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return ensureAscii ? json.replace(/[\u007f-\uffff]/g, escaped) : json;
}
