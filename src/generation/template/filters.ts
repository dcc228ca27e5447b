/** The filters and tests of Jinja that the library lacks or has otherwise than Jinja. Does not know statements. */
import type { Limits } from "./limits.js";
import { replace, strip, TEXT_METHODS } from "./text-methods.js";
import {
  areEqual,
  isInteger,
  isList,
  isMapping,
  isNumber,
  isText,
  isUndefined,
  jsonOf,
  textOf,
  type Value,
  type Values,
} from "./values.js";

/** What a filter is applied with. */
export interface FilterCall {
  args: readonly Value[];
  named: ReadonlyMap<string, Value>;
  values: Values;
  limits: Limits;
  /** Applies another filter, for map('...'). */
  apply(name: string, operand: Value, args: readonly Value[]): Value;
}

type Filter = (operand: Value, call: FilterCall) => Value | undefined;

/** Argument `at`, or the one named `name`. */
function argument({ args, named }: FilterCall, at: number, name: string): Value | undefined {
  return args[at] ?? named.get(name);
}

function isTrue(value: Value | undefined): boolean {
  return value?.__bool__().value === true;
}

/** The items of what a loop may run over: list, keys of a mapping, characters of a text; none of an undefined value. */
export function itemsOf(value: Value, { values, limits }: { values: Values; limits: Limits }): readonly Value[] {
  if (isList(value)) return value.value;
  if (isUndefined(value)) return [];
  if (isMapping(value)) return [...value.value.keys()].map((key) => values.of(key));
  if (!isText(value)) throw new Error(`${kindOf(value)} is not iterable`);
  limits.items(value.value.length);
  return [...value.value].map((character) => values.of(character));
}

/** What a value is, for messages. */
export function kindOf({ type }: Value): string {
  return type === "NullValue" ? "none" : type.replace(/Value$/, "").toLowerCase();
}

const ofText =
  (name: string): Filter =>
  (operand, { values, limits }) =>
    values.of(TEXT_METHODS.get(name)!(textOf(operand, limits), [], limits));

const ofItems =
  (make: (items: readonly Value[], call: FilterCall) => Value): Filter =>
  (operand, call) =>
    make(itemsOf(operand, call), call);

/** selectattr, rejectattr, select and reject. */
const choosing =
  (byAttribute: boolean, isChosen: boolean): Filter =>
  (operand, call) => {
    const { args, values, limits } = call;
    const [name, ...rest] = byAttribute ? args.slice(1) : args;
    const isRight = (item: Value) => {
      const value = byAttribute ? attributeOf(item, args[0], values) : item;
      return name === undefined ? isTrue(value) : test(textOf(name, limits), value, rest, limits);
    };
    return values.list(itemsOf(operand, call).filter((item) => isRight(item) === isChosen));
  };

function attributeOf(item: Value, path: Value | undefined, values: Values): Value {
  let found: Value = item;
  for (const name of String(path?.value).split(".")) {
    const next: Value | undefined = isMapping(found)
      ? found.value.get(name)
      : isList(found)
        ? found.value[Number(name)]
        : undefined;
    if (next === undefined) return values.of(undefined);
    found = next;
  }
  return found;
}

function tojson(operand: Value, call: FilterCall): Value {
  const indent = argument(call, 1, "indent");
  const separators = argument(call, 2, "separators");
  const [between, colon] =
    separators && isList(separators)
      ? separators.value.map(({ value }) => String(value))
      : [isInteger(indent) ? "," : ", ", ": "];
  const options = {
    indent: isInteger(indent) ? indent.value : null,
    ensureAscii: isTrue(argument(call, 0, "ensure_ascii")),
    separators: [between!, colon!] as const,
    sortKeys: isTrue(argument(call, 3, "sort_keys")),
  };
  return call.values.of(jsonOf(operand, options, call.limits));
}

function indent(operand: Value, call: FilterCall): Value {
  const { values, limits } = call;
  const width = argument(call, 0, "width");
  const count = isInteger(width) ? width.value : 4;
  const lines = textOf(operand, limits).split("\n");
  limits.characters(lines.length * (isText(width) ? width.value.length : count));
  const space = isText(width) ? width.value : " ".repeat(count);
  const isWhole = (line: string, i: number) =>
    (i > 0 || isTrue(argument(call, 1, "first"))) && (line !== "" || isTrue(argument(call, 2, "blank")));
  return values.of(lines.map((line, i) => (isWhole(line, i) ? space + line : line)).join("\n"));
}

function join(items: readonly Value[], call: FilterCall): Value {
  const { values, limits } = call;
  const attribute = argument(call, 1, "attribute");
  const separator = argument(call, 0, "d");
  const between = separator === undefined ? "" : textOf(separator, limits);
  const texts = items.map((item) => textOf(attribute ? attributeOf(item, attribute, values) : item, limits));
  limits.characters(texts.reduce((sum, text) => sum + text.length + between.length, 0));
  return values.of(texts.join(between));
}

function map(items: readonly Value[], { args, named, values, apply }: FilterCall): Value {
  const attribute = named.get("attribute");
  const unset = named.get("default");
  const mapped = items.map((item) => {
    if (attribute === undefined) return apply(String(args[0]?.value), item, args.slice(1));
    const value = attributeOf(item, attribute, values);
    return isUndefined(value) ? (unset ?? value) : value;
  });
  return values.list(mapped);
}

function unique(items: readonly Value[], { values, limits }: FilterCall): Value {
  const found: Value[] = [];
  for (const item of items) if (!found.some((one) => areEqual(one, item, limits))) found.push(item);
  return values.list(found);
}

export const FILTERS: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  [
    "trim",
    (operand, call) => {
      const set = argument(call, 0, "chars");
      return call.values.of(strip(textOf(operand, call.limits), isText(set) ? set.value : null));
    },
  ],
  ["string", (operand, { values, limits }) => values.of(textOf(operand, limits))],
  ...["upper", "lower", "capitalize"].map((name) => [name, ofText(name)] as const),
  [
    "title",
    (operand, { values, limits }) => {
      // A word begins after white space, a hyphen or an opening bracket, otherwise than in str.title().
      const words = textOf(operand, limits).split(/([-\s({[<]+)/u);
      return values.of(words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase()).join(""));
    },
  ],
  [
    "default",
    (operand, call) => {
      const isUnset = isUndefined(operand) || (isTrue(argument(call, 1, "boolean")) && !isTrue(operand));
      return isUnset ? (argument(call, 0, "default_value") ?? call.values.of("")) : operand;
    },
  ],
  [
    "replace",
    (operand, call) => {
      const { limits } = call;
      const [old, by] = [argument(call, 0, "old"), argument(call, 1, "new")];
      const most = argument(call, 2, "count");
      if (!old || !by) throw new Error("replace() needs two texts");
      const count = isInteger(most) ? most.value : -1;
      return call.values.of(replace(textOf(operand, limits), textOf(old, limits), textOf(by, limits), count, limits));
    },
  ],
  ["length", ofItems((items, { values }) => values.of(items.length))],
  ["count", ofItems((items, { values }) => values.of(items.length))],
  ["first", ofItems((items, { values }) => items[0] ?? values.of(undefined))],
  ["last", ofItems((items, { values }) => items.at(-1) ?? values.of(undefined))],
  ["list", ofItems((items, { values }) => values.list(items))],
  [
    "reverse",
    (operand, call) => {
      const items = [...itemsOf(operand, call)].reverse();
      return isText(operand) ? call.values.of(items.map(({ value }) => value).join("")) : call.values.list(items);
    },
  ],
  ["join", ofItems(join)],
  ["map", ofItems(map)],
  ["unique", ofItems(unique)],
  ["select", choosing(false, true)],
  ["reject", choosing(false, false)],
  ["selectattr", choosing(true, true)],
  ["rejectattr", choosing(true, false)],
  [
    "items",
    (operand, { values }) => {
      if (!isMapping(operand)) return undefined;
      return values.list([...operand.value].map(([key, value]) => values.list([values.of(key), value])));
    },
  ],
  ["tojson", tojson],
  ["indent", indent],
]);

/** Whether a value passes Jinja's test `name`. */
export function test(name: string, value: Value, [other]: readonly Value[], limits: Limits): boolean {
  const isIterable = isText(value) || isList(value) || isMapping(value);
  const unary: Record<string, () => boolean> = {
    defined: () => !isUndefined(value),
    undefined: () => isUndefined(value),
    none: () => value.type === "NullValue",
    string: () => isText(value),
    number: () => isNumber(value) || value.type === "BooleanValue",
    integer: () => isInteger(value),
    float: () => value.type === "FloatValue",
    boolean: () => value.type === "BooleanValue",
    true: () => value.type === "BooleanValue" && value.value === true,
    false: () => value.type === "BooleanValue" && value.value === false,
    mapping: () => isMapping(value),
    sequence: () => isIterable || isUndefined(value),
    iterable: () => isIterable || isUndefined(value),
    callable: () => value.type === "FunctionValue" || isUndefined(value),
    odd: () => Math.abs(Number(value.value)) % 2 === 1,
    even: () => Number(value.value) % 2 === 0,
    lower: () => textOf(value, limits) === textOf(value, limits).toLowerCase(),
    upper: () => textOf(value, limits) === textOf(value, limits).toUpperCase(),
  };
  const simple = Object.hasOwn(unary, name) ? unary[name] : undefined;
  if (simple) return simple();
  if (other !== undefined) {
    if (["equalto", "eq", "=="].includes(name)) return areEqual(value, other, limits);
    if (["ne", "!="].includes(name)) return !areEqual(value, other, limits);
    if (name === "in") return contains(other, value, limits);
  }
  throw new Error(`no test named '${name}'`);
}

/** Python's `item in container`. */
export function contains(container: Value, item: Value, limits: Limits): boolean {
  if (isText(container)) {
    if (!isText(item)) throw new Error(`'in' needs a text before a text, found ${kindOf(item)}`);
    return container.value.includes(item.value);
  }
  if (isList(container)) return container.value.some((one) => areEqual(one, item, limits));
  if (isMapping(container)) return isText(item) && container.value.has(item.value);
  if (isUndefined(container)) return false;
  throw new Error(`${kindOf(container)} is not iterable`);
}
