/** Reads regular expressions of JavaScript as grammars. Does not know what they are for. */

import { createRequire } from "node:module";
import type { AST } from "@eslint-community/regexpp";
import { LlamaError } from "../../../error.js";
import { quoted } from "../../../formats/files/quoted.js";
import { type CodePoints, complement, LAST, union } from "./code-points.js";
import { choice, type Expression, repeat, sequence, set } from "./grammar.js";

/** Loaded with the first expression. */
const load = () =>
  createRequire(import.meta.url)("@eslint-community/regexpp") as typeof import("@eslint-community/regexpp");

/** Characters of an expression, and groups within each other, at most. */
const MAX_LENGTH = 16 * 1024;
const MAX_DEPTH = 100;

/** What an expression matches: all of a text, or, where only one of its ends is bound by ^ or $, any text on the other side. */
export interface Matched {
  readonly inner: Expression;
  readonly isOpenAtStart: boolean;
  readonly isOpenAtEnd: boolean;
}

/** Throws LlamaError (usage) for an expression that is wrong, or that needs to look at other places of the text. */
export function readRegex(source: string, where: string): Matched[] {
  if (source.length > MAX_LENGTH) {
    const [expected, found] = [`at most ${MAX_LENGTH} characters`, String(source.length)];
    throw new LlamaError("usage", "is too long", { where, expected, found });
  }
  const { alternatives } = parse(source, where);
  return alternatives.map(({ elements }) => {
    const isAnchor = (one: AST.Element | undefined, kind: string) => one?.type === "Assertion" && one.kind === kind;
    const first = isAnchor(elements[0], "start") ? 1 : 0;
    const last = isAnchor(elements.at(-1), "end") && elements.length > first ? 1 : 0;
    const rest = elements.slice(first, elements.length - last);
    return {
      inner: sequence(...rest.map((element) => expressionOf(element, where, 0))),
      isOpenAtStart: first === 0 && last === 1,
      isOpenAtEnd: first === 1 && last === 0,
    };
  });
}

function parse(source: string, where: string): AST.Pattern {
  const parser = new (load().RegExpParser)({ ecmaVersion: 2025 });
  try {
    return parser.parsePattern(source, 0, source.length, { unicode: true });
  } catch (error) {
    try {
      // Without the flag u, letters may be escaped that need it not.
      return parser.parsePattern(source, 0, source.length, { unicode: false });
    } catch {
      const found =
        error instanceof RangeError ? "too many groups within each other" : String((error as Error).message);
      throw new LlamaError("usage", "is not a regular expression", { where, found });
    }
  }
}

function unsupported(where: string, what: string, raw: string): LlamaError {
  return new LlamaError("usage", `${what} is not supported in a form`, { where, found: quoted(raw.slice(0, 40)) });
}

function expressionOf(element: AST.Element, where: string, depth: number): Expression {
  if (depth > MAX_DEPTH) throw unsupported(where, `more than ${MAX_DEPTH} groups within each other`, element.raw);
  const inner = (alternatives: readonly AST.Alternative[]) =>
    choice(
      ...alternatives.map(({ elements }) => sequence(...elements.map((one) => expressionOf(one, where, depth + 1)))),
    );
  switch (element.type) {
    case "Character":
    case "CharacterSet":
    case "CharacterClass":
      return set(pointsOf(element, where));
    case "Group":
      if (element.modifiers !== null) throw unsupported(where, "a group with flags", element.raw);
      return inner(element.alternatives);
    case "CapturingGroup":
      return inner(element.alternatives);
    case "Quantifier": {
      if (element.min > 2 ** 31) throw unsupported(where, "such a count", element.raw);
      return repeat(expressionOf(element.element, where, depth + 1), element.min, element.max);
    }
    case "Backreference":
      throw unsupported(where, "a back-reference", element.raw);
    case "Assertion":
      throw unsupported(where, ASSERTIONS[element.kind], element.raw);
    default:
      throw unsupported(where, "a class with the flag v", element.raw);
  }
}

const ASSERTIONS = {
  start: "an anchor within an expression",
  end: "an anchor within an expression",
  word: "a word boundary",
  lookahead: "a lookahead",
  lookbehind: "a lookbehind",
};

const DIGIT: CodePoints = [[0x30, 0x39]];
const WORD: CodePoints = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];

function pointsOf(element: AST.Character | AST.CharacterSet | AST.CharacterClass, where: string): CodePoints {
  switch (element.type) {
    case "Character":
      if (element.value >= 0xd800 && element.value <= 0xdfff)
        throw unsupported(where, "half of a surrogate pair", element.raw);
      return [[element.value, element.value]];
    case "CharacterSet":
      return charactersOf(element, where);
    case "CharacterClass": {
      const parts = element.elements.flatMap((part): CodePoints => {
        if (part.type === "CharacterClassRange") return [[part.min.value, part.max.value]];
        if (part.type === "Character" || part.type === "CharacterSet") return pointsOf(part, where);
        throw unsupported(where, "a class with the flag v", element.raw);
      });
      return element.negate ? complement(union(parts)) : union(parts);
    }
  }
}

function charactersOf(element: AST.CharacterSet, where: string): CodePoints {
  const points = (() => {
    switch (element.kind) {
      case "any":
        return complement(
          union([
            [0x0a, 0x0a],
            [0x0d, 0x0d],
            [0x2028, 0x2029],
          ]),
        );
      case "digit":
        return DIGIT;
      case "word":
        return WORD;
      case "space":
        return matching("\\s");
      case "property":
        if (element.strings) throw unsupported(where, "a property of strings", element.raw);
        return matching(`\\p{${element.value === null ? element.key : `${element.key}=${element.value}`}}`);
    }
  })();
  return "negate" in element && element.negate ? complement(points) : points;
}

const found = new Map<string, CodePoints>();

/** All characters that a class of JavaScript matches. */
function matching(source: string): CodePoints {
  let points = found.get(source);
  if (points === undefined) {
    const all = new RegExp(`${source}+`, "gu");
    const ranges: [number, number][] = [];
    // Lone surrogates are left out, since they would pair.
    for (const [from, to] of [
      [0, 0xd7ff],
      [0xe000, LAST],
    ] as const) {
      for (let start = from; start <= to; start += 0x4000) {
        const end = Math.min(to, start + 0x3fff);
        const characters = Array.from({ length: end - start + 1 }, (_, i) => String.fromCodePoint(start + i)).join("");
        for (const [run] of characters.matchAll(all)) {
          const first = run.codePointAt(0)!;
          ranges.push([first, first + Array.from(run).length - 1]);
        }
      }
    }
    points = union(ranges);
    found.set(source, points);
  }
  return points;
}
