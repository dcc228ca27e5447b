/** The methods of Python's str that templates use. Does not know the library's values. */
import type { Limits } from "./limits.js";

/** Characters that str.strip() removes, as in Python: str.isspace(). */
const SPACES = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const LINE_END = "\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029";
const LINE_ENDS = new RegExp(`\\r\\n|[${LINE_END}]`);

type Argument = string | number | boolean | null | readonly string[] | undefined;
type Method = (text: string, args: readonly Argument[], limits: Limits) => string | number | boolean | string[];

const textArgument = (value: Argument): string => {
  if (typeof value === "string") return value;
  throw new Error("expected a text as argument");
};
const countArgument = (value: Argument): number => {
  if (value === undefined || value === null) return -1;
  if (typeof value === "number") return value;
  throw new Error("expected a number as argument");
};
const anyOf = (value: Argument): readonly string[] => (Array.isArray(value) ? value : [textArgument(value)]);

/** Python's strip(), lstrip() and rstrip(): white space, or the characters of `set`. */
export function strip(text: string, set: string | null = null, sides: "both" | "left" | "right" = "both"): string {
  const isStripped = set === null ? (unit: string) => isSpace(unit) : (unit: string) => set.includes(unit);
  let [start, end] = [0, text.length];
  if (sides !== "right") while (start < end && isStripped(text[start]!)) start++;
  if (sides !== "left") while (end > start && isStripped(text[end - 1]!)) end--;
  return text.slice(start, end);
}

const SPACE = new RegExp(`^[${SPACES}]$`);
function isSpace(unit: string): boolean {
  return SPACE.test(unit);
}

const stripper =
  (sides: "both" | "left" | "right"): Method =>
  (text, [set]) =>
    strip(text, set === undefined || set === null ? null : textArgument(set), sides);

/** Python's split(): without a separator at runs of white space. At most `most` cuts, unless it is negative. */
function split(text: string, separator: Argument, most: number): string[] {
  if (separator === undefined || separator === null) {
    const parts: string[] = [];
    let rest = strip(text, null, "left");
    while (rest !== "") {
      const cut = most >= 0 && parts.length >= most ? -1 : rest.search(new RegExp(`[${SPACES}]`));
      if (cut < 0) return [...parts, most >= 0 && parts.length >= most ? rest : strip(rest)];
      parts.push(rest.slice(0, cut));
      rest = strip(rest.slice(cut), null, "left");
    }
    return parts;
  }
  const parts = splitAt(text, textArgument(separator));
  return most < 0 ? parts : [...parts.slice(0, most), ...rejoin(parts.slice(most), textArgument(separator))];
}

function splitAt(text: string, separator: string): string[] {
  if (separator === "") throw new Error("empty separator");
  return text.split(separator);
}

const rejoin = (parts: readonly string[], separator: string) => (parts.length > 0 ? [parts.join(separator)] : []);

function rsplit(text: string, separator: Argument, most: number): string[] {
  if (most < 0 || separator === undefined || separator === null) return split(text, separator, most);
  const parts = splitAt(text, textArgument(separator));
  const kept = Math.max(parts.length - most, 1);
  return [...rejoin(parts.slice(0, kept), textArgument(separator)), ...parts.slice(kept)];
}

function splitLines(text: string, keepsEnds: boolean): string[] {
  const lines: string[] = [];
  for (let rest = text; rest !== ""; ) {
    const end = LINE_ENDS.exec(rest);
    if (!end) return [...lines, rest];
    lines.push(rest.slice(0, end.index + (keepsEnds ? end[0].length : 0)));
    rest = rest.slice(end.index + end[0].length);
  }
  return lines;
}

/** Python's replace(). */
export function replace(text: string, old: string, replacement: string, most: number, limits: Limits): string {
  const parts = old === "" ? [...text] : text.split(old);
  const places = old === "" ? parts.length + 1 : parts.length - 1;
  const count = most < 0 ? places : Math.min(most, places);
  limits.items(parts.length);
  limits.characters(text.length + count * replacement.length);
  if (old !== "") return parts.map((part, i) => (i === 0 ? "" : i <= count ? replacement : old) + part).join("");
  const before = parts.map((part, i) => (i < count ? replacement : "") + part).join("");
  return before + (count > parts.length ? replacement : "");
}

function capitalize(text: string): string {
  const [first = "", ...rest] = text;
  return first.toUpperCase() + rest.join("").toLowerCase();
}

/** Python's title(). */
function title(text: string): string {
  return text.toLowerCase().replace(/\p{L}+/gu, (word) => capitalize(word));
}

function partition(text: string, separator: Argument, at: number): string[] {
  const { length } = textArgument(separator);
  return at < 0 ? [text, "", ""] : [text.slice(0, at), text.slice(at, at + length), text.slice(at + length)];
}

export const TEXT_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["strip", stripper("both")],
  ["lstrip", stripper("left")],
  ["rstrip", stripper("right")],
  ["upper", (text) => text.toUpperCase()],
  ["lower", (text) => text.toLowerCase()],
  ["title", (text) => title(text)],
  ["capitalize", (text) => capitalize(text)],
  ["startswith", (text, [start]) => anyOf(start).some((one) => text.startsWith(one))],
  ["endswith", (text, [end]) => anyOf(end).some((one) => text.endsWith(one))],
  ["split", (text, [separator, most]) => split(text, separator, countArgument(most))],
  ["rsplit", (text, [separator, most]) => rsplit(text, separator, countArgument(most))],
  ["splitlines", (text, [keepsEnds]) => splitLines(text, keepsEnds === true)],
  ["partition", (text, [one]) => partition(text, one, text.indexOf(textArgument(one)))],
  [
    "rpartition",
    (text, [one]) => {
      const at = text.lastIndexOf(textArgument(one));
      return at < 0 ? ["", "", text] : partition(text, one, at);
    },
  ],
  [
    "replace",
    (text, [old, by, most], limits) => replace(text, textArgument(old), textArgument(by), countArgument(most), limits),
  ],
  ["find", (text, [part]) => lengthBefore(text, text.indexOf(textArgument(part)))],
  ["rfind", (text, [part]) => lengthBefore(text, text.lastIndexOf(textArgument(part)))],
  ["count", (text, [part]) => text.split(textArgument(part)).length - 1],
  ["removeprefix", (text, [start]) => (text.startsWith(textArgument(start)) ? text.slice(String(start).length) : text)],
  [
    "removesuffix",
    (text, [end]) => (end !== "" && text.endsWith(textArgument(end)) ? text.slice(0, -String(end).length) : text),
  ],
  ["isspace", (text) => text !== "" && strip(text) === ""],
  ["isdigit", (text) => /^\p{Nd}+$/u.test(text)],
  ["isalpha", (text) => /^\p{L}+$/u.test(text)],
  ["isalnum", (text) => /^[\p{L}\p{N}]+$/u.test(text)],
  ["isupper", (text) => text !== text.toLowerCase() && text === text.toUpperCase()],
  ["islower", (text) => text !== text.toUpperCase() && text === text.toLowerCase()],
  [
    "join",
    (text, [parts], limits) => {
      const items = [...(typeof parts === "string" ? parts : anyOf(parts))];
      limits.characters(items.reduce((sum, item) => sum + item.length + text.length, 0));
      return items.join(text);
    },
  ],
]);

/** A place in UTF-16 as Python counts it, in characters. */
function lengthBefore(text: string, at: number): number {
  return at < 0 ? -1 : [...text.slice(0, at)].length;
}
