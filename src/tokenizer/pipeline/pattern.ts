/** Compiles the patterns of a tokenizer.json, which are written for Oniguruma, to JavaScript's regular expressions. Does not know what they are for. */
import { createRequire } from "node:module";
import type * as Oniguruma from "oniguruma-to-es";
import { LlamaError } from "../../error.js";
import { quoted } from "../../formats/files/quoted.js";
import type { Pattern } from "../../formats/tokenizer/pipeline-json.js";
import { asUnicode16 } from "../encoding/unicode-16.js";

/** Oniguruma's words; oniguruma-to-es takes all numbers for words and leaves out letters in circles. */
const WORD = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";

/** Loads the package with the first pattern, without waiting: most starts need none. */
const load = createRequire(import.meta.url);

/** The places [start, end) of all matches in a text, in order. */
export type Matcher = (text: string) => Iterable<readonly [number, number]>;

/** Throws a LlamaError for a pattern that has no equal in JavaScript. `path` is the tokenizer's file. */
export function compilePattern(pattern: Pattern, path: string): Matcher {
  if ("text" in pattern) return (text) => occurrences(text, pattern.text);
  const regex = compile(pattern.regex, path);
  return function* (text) {
    for (const match of asUnicode16(text).matchAll(regex)) yield [match.index, match.index + match[0].length];
  };
}

function compile(source: string, path: string): RegExp {
  const words = source.replace(/\\(.)/gsu, (written, character) => {
    return character === "w" ? `[${WORD}]` : character === "W" ? `[^${WORD}]` : written;
  });
  const { toRegExp } = load("oniguruma-to-es") as typeof Oniguruma;
  try {
    // The same target everywhere, so that every version of Node has the same expression.
    return toRegExp(words, { global: true, target: "ES2024" });
  } catch (cause) {
    const found = `${quoted(source)}: ${(cause as Error).message}`;
    throw new LlamaError("model", "has a pattern that llama-ts cannot use", { where: path, found, cause });
  }
}

function* occurrences(text: string, part: string): Generator<[number, number]> {
  if (part === "") return;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) yield [at, at + part.length];
}
