/** JSON as grammars: characters of strings, any value, given values. One line, with ", " and ": " between parts, as Python writes it. Does not know schemas. */
import { type CodePoints, complement, isIn, pointsOf, sizeOf, union, without } from "../grammar/code-points.js";
import { choice, EMPTY, type Expression, optional, repeat, rule, sequence, set, text } from "../grammar/grammar.js";

export const COMMA = ", ";
export const COLON = ": ";

/** Characters that a string has as they are. */
export const PLAIN: CodePoints = without(complement(union([[0, 0x1f]])), pointsOf('"\\'));
const HEX = pointsOf("0123456789abcdefABCDEF");
const [hex, digit] = [set(HEX), set(pointsOf("0123456789"))];
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\b": "\\b",
  "\f": "\\f",
};

/** One character of a string: as it is, or escaped. A pair of surrogates is one character. */
const CHARACTER = choice(
  set(PLAIN),
  sequence(
    "\\",
    choice(
      set(pointsOf('"\\/bfnrt')),
      sequence(
        "u",
        choice(
          sequence(set(pointsOf("0123456789abcefABCEF")), hex, hex, hex),
          sequence(set(pointsOf("dD")), set(pointsOf("01234567")), hex, hex),
          sequence(
            ...[set(pointsOf("dD")), set(pointsOf("89abAB")), hex, hex, "\\u"],
            ...[set(pointsOf("dD")), set(pointsOf("cdefCDEF")), hex, hex],
          ),
        ),
      ),
    ),
  ),
);

/** The longest integer and fraction that a double holds; and exponents that are no infinity. */
const digits = (most: number) => repeat(digit, 0, most - 1);
const nonZero = sequence(set(pointsOf("123456789")), digits(15));
export const INTEGER = choice("0", sequence(optional(text("-")), nonZero));
export const NUMBER = sequence(
  optional(text("-")),
  choice("0", nonZero),
  optional(sequence(".", digit, digits(15))),
  optional(sequence(set(pointsOf("eE")), optional(set(pointsOf("+-"))), digit, digits(2))),
);

/** Rules for any JSON. */
export const JSON_RULES: ReadonlyMap<string, Expression> = new Map([
  ["character", CHARACTER],
  ["string", sequence('"', repeat(CHARACTER, 0), '"')],
  ["number", NUMBER],
  ["integer", INTEGER],
  ["array", sequence("[", optional(sequence(rule("value"), repeat(sequence(COMMA, rule("value")), 0))), "]")],
  ["object", sequence("{", optional(sequence(rule("pair"), repeat(sequence(COMMA, rule("pair")), 0))), "}")],
  ["pair", sequence(rule("string"), COLON, rule("value"))],
  ["value", choice(...["object", "array", "string", "number"].map(rule), "true", "false", "null")],
]);

/** A given value. */
export function jsonText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jsonText).join(COMMA)}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, one]) => JSON.stringify(key) + COLON + jsonText(one))
    .join(COMMA)}}`;
}

/** Sets as they are written in a string: large ones are used again and again. */
const written = new WeakMap<CodePoints, Expression>();

/** The characters of a string's content that `expression` describes, as they are written in a string. */
export function inString(expression: Expression): Expression {
  switch (expression.kind) {
    case "text":
      return text(JSON.stringify(expression.text).slice(1, -1));
    case "set": {
      const known = written.get(expression.set);
      if (known !== undefined) return known;
      const plain = without(expression.set, complement(PLAIN));
      // Of a large set, only what a text usually has.
      const escaped = Object.entries(ESCAPES).filter(([character]) => isIn(expression.set, character.codePointAt(0)!));
      const isSmall = sizeOf(expression.set) <= 64;
      const kept = isSmall ? escaped : escaped.filter(([character]) => character === '"' || character === "\\");
      const others = isSmall ? Array.from({ length: 0x20 }, (_, i) => String.fromCharCode(i)) : [];
      const rest = others.filter((one) => isIn(expression.set, one.charCodeAt(0)) && ESCAPES[one] === undefined);
      const result = choice(
        set(plain),
        ...kept.map(([, escape]) => escape),
        ...rest.map((one) => JSON.stringify(one).slice(1, -1)),
      );
      written.set(expression.set, result);
      return result;
    }
    case "sequence":
      return sequence(...expression.parts.map(inString));
    case "choice":
      return choice(...expression.options.map(inString));
    case "repeat":
      return { ...expression, of: inString(expression.of) };
    case "rule":
      return expression;
  }
}

/** Any string but these, without escapes, so that none of them is written in another way. */
export function stringExcept(names: readonly string[]): Expression {
  const any = repeat(set(PLAIN), 0);
  const after = (rests: readonly string[]): Expression => {
    const byFirst = new Map<string, string[]>();
    for (const rest of rests) {
      const [first] = rest;
      if (first !== undefined) byFirst.set(first, [...(byFirst.get(first) ?? []), rest.slice(first.length)]);
    }
    const deeper = [...byFirst].filter(([first]) => isIn(PLAIN, first.codePointAt(0)!));
    return choice(
      ...(rests.includes("") ? [] : [EMPTY]),
      sequence(set(without(PLAIN, pointsOf([...byFirst.keys()].join("")))), any),
      ...deeper.map(([first, others]) => sequence(first, after(others))),
    );
  };
  return names.length === 0 ? rule("string") : sequence('"', after(names), '"');
}
