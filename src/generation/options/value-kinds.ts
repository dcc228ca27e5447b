/** Kinds of option values: which values are right, and how a text is read as one. Does not know the options. */

export interface ValueKind<T = unknown> {
  /** The type, for messages: "a number". */
  readonly type: string;
  isType(value: unknown): value is T;
  /** What is expected of a value of that type: "a number from 0 to 1". */
  readonly expected: string;
  fits(value: T): boolean;
  /** The value of a text, together with the value `before` of an option that may be repeated; undefined if the text is not one. */
  parse(text: string, before?: T): T | undefined;
  /** What is expected of a text, if other words are needed. */
  readonly expectedText?: string;
  /** The text of a value, if it is not String(value). */
  show?(value: T): string;
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): ValueKind<number> {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  const fits = (value: number) => Number.isInteger(value) && value >= least && value <= most;
  return numberKind(`a whole number ${range}`, fits, /^\d+$/);
}

/** A decimal number from `least` to `most`. */
export function decimal(least: number, most = Number.POSITIVE_INFINITY): ValueKind<number> {
  const isOpen = most === Number.POSITIVE_INFINITY;
  const range = isOpen ? (Number.isFinite(least) ? ` of at least ${least}` : "") : ` from ${least} to ${most}`;
  return numberKind(`a number${range}`, (value) => Number.isFinite(value) && value >= least && value <= most);
}

/** A decimal number above 0. */
export const positive = numberKind("a number above 0", (value) => Number.isFinite(value) && value > 0);

/** One word, or a value of another kind. */
export function wordOr<W extends string, T>(word: W, kind: ValueKind<T>): ValueKind<W | T> {
  return {
    type: `${kind.type} or ${word}`,
    isType: (value): value is W | T => value === word || kind.isType(value),
    expected: `${word} or ${kind.expected}`,
    fits: (value) => value === word || kind.fits(value as T),
    parse: (text) => (text === word ? word : kind.parse(text)),
  };
}

function numberKind(expected: string, fits: (value: number) => boolean, form = DECIMAL): ValueKind<number> {
  return {
    type: "a number",
    isType: (value): value is number => typeof value === "number",
    expected,
    fits,
    parse(text) {
      const value = form.test(text) ? Number(text) : Number.NaN;
      return fits(value) ? value : undefined;
    },
  };
}

/** One or more texts that are not empty; a text on the command line is added to those before it. */
export const texts: ValueKind<string | readonly string[]> = {
  type: "a string or a list of strings",
  isType: (value): value is string | readonly string[] =>
    typeof value === "string" || (Array.isArray(value) && value.every((one) => typeof one === "string")),
  expected: "non-empty strings",
  fits: (value) => ![value].flat().includes(""),
  expectedText: "a non-empty text",
  parse: (text, before = []) => (text === "" ? undefined : [...[before].flat(), text]),
};

/** Larger biases decide as much as this one, and the largest are infinite in float32. */
const MAX_BIAS = 1e6;
const anyNumber = decimal(Number.NEGATIVE_INFINITY);

/** Numbers to add to logits, by token id; -Infinity ("-inf" in a text) forbids a token. */
export const biasById: ValueKind<Readonly<Record<number, number>>> = {
  type: "an object of numbers by token id",
  isType: (value): value is Record<number, number> =>
    value !== null &&
    typeof value === "object" &&
    !Array.isArray(value) &&
    Object.values(value).every((one) => typeof one === "number"),
  expected: `numbers from -${MAX_BIAS} to ${MAX_BIAS}, or -Infinity`,
  fits: (bias) =>
    Object.values(bias).every((value) => Math.abs(value) <= MAX_BIAS || value === Number.NEGATIVE_INFINITY),
  expectedText: "ID=BIAS, or several separated by commas",
  parse(text, before = {}) {
    const bias = { ...before };
    for (const part of text.split(",")) {
      const [, id, amount = ""] = /^\s*(\d+)\s*=\s*(\S+)\s*$/.exec(part) ?? [];
      const value = amount === "-inf" ? Number.NEGATIVE_INFINITY : anyNumber.parse(amount);
      if (id === undefined || value === undefined) return undefined;
      bias[Number(id)] = value;
    }
    return bias;
  },
  show: (bias) =>
    Object.entries(bias)
      .map(([id, value]) => `${id}=${value === Number.NEGATIVE_INFINITY ? "-inf" : value}`)
      .join(","),
};
