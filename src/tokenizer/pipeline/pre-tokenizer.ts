/** Divides a text into words by the pre-tokenizers of a tokenizer.json. Does not know tokens. */
import type { Pattern, PreTokenizerStep, SplitBehavior } from "../../formats/tokenizer/pipeline-json.js";
import { asUnicode16 } from "../encoding/unicode-16.js";
import { toByteLevel } from "./byte-alphabet.js";
import { compilePattern, type Matcher } from "./pattern.js";

/** `isFirst`: whether the text is the beginning of the whole. */
export type PreTokenizer = (text: string, isFirst: boolean) => string[];

/** One step for one word, which may be the first of the whole text. Empty words are dropped. */
type Step = (word: string, isFirst: boolean) => string[];

/** GPT-2's pattern. */
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
/** Rust's char::is_numeric, which knows Unicode 17: the ranges are those that older versions of Node lack. */
const DIGIT =
  /[\p{N}\u{10d40}-\u{10d49}\u{116d0}-\u{116e3}\u{11bf0}-\u{11bf9}\u{11de0}-\u{11de9}\u{16130}-\u{16139}\u{16d70}-\u{16d79}\u{16ff4}-\u{16ff6}\u{1ccf0}-\u{1ccf9}\u{1e5f1}-\u{1e5fa}]/gu;
const SPACE = /\p{White_Space}/gu;
/** Rust's \w+ and [^\w\s]+. */
const WORD = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}";
const WORD_OR_MARKS = new RegExp(`[${WORD}]+|[^${WORD}\\p{White_Space}]+`, "gu");

/** Throws a LlamaError for a pattern that cannot be compiled. */
export function createPreTokenizer(steps: readonly PreTokenizerStep[], path: string): PreTokenizer {
  const run = steps.map((step) => stepOf(step, path));
  return (text, isFirst) => {
    let words = [text];
    let startsText = isFirst;
    for (const step of run) {
      const divided: string[] = [];
      let startsStill = false;
      for (const [at, word] of words.entries()) {
        const parts = step(word, startsText && at === 0);
        // A first part that is dropped does not make the next one the beginning.
        if (at === 0) startsStill = startsText && parts[0] !== "";
        for (const part of parts) if (part !== "") divided.push(part);
      }
      words = divided;
      startsText = startsStill;
    }
    return words;
  };
}

function stepOf(step: PreTokenizerStep, path: string): Step {
  switch (step.type) {
    case "Split":
      return divideBy(compilePattern(step.pattern, path), step.behavior, step.invert);
    case "ByteLevel": {
      const divide = step.useRegex ? divideBy(pattern({ regex: GPT2 }, path), "Isolated", false) : null;
      return (word, isFirst) => {
        const text = step.addPrefixSpace && !word.startsWith(" ") ? ` ${word}` : word;
        return (divide === null ? [text] : divide(text, isFirst)).map(toByteLevel);
      };
    }
    case "Metaspace": {
      const { replacement, prependScheme } = step;
      const divide = step.split ? divideBy(pattern({ text: replacement }, path), "MergedWithNext", false) : null;
      return (word, isFirst) => {
        const marked = word.replaceAll(" ", replacement);
        const wantsMark = prependScheme === "always" || (prependScheme === "first" && isFirst);
        const text = wantsMark && !marked.startsWith(replacement) ? replacement + marked : marked;
        return divide === null ? [text] : divide(text, isFirst);
      };
    }
    case "Digits":
      return divideBy(matches(DIGIT), step.individual ? "Isolated" : "Contiguous", false);
    case "WhitespaceSplit":
      return divideBy(matches(SPACE), "Removed", false);
    case "Whitespace":
      return divideBy((text) => matches(WORD_OR_MARKS)(asUnicode16(text)), "Removed", true);
  }
}

const pattern = (of: Pattern, path: string): Matcher => compilePattern(of, path);

function matches(regex: RegExp): Matcher {
  return function* (text) {
    for (const match of text.matchAll(regex)) yield [match.index, match.index + match[0].length];
  };
}

interface Part {
  text: string;
  isMatch: boolean;
}

/** Divides a word into matches and what is between them, then joins or drops parts (SplitDelimiterBehavior in the tokenizers library). A part that is dropped is "". */
function divideBy(find: Matcher, behavior: SplitBehavior, invert: boolean): Step {
  return (word) => {
    const parts: Part[] = [];
    let done = 0;
    for (const [start, end] of find(word)) {
      if (start > done) parts.push({ text: word.slice(done, start), isMatch: invert });
      parts.push({ text: word.slice(start, end), isMatch: !invert });
      done = end;
    }
    if (done < word.length) parts.push({ text: word.slice(done), isMatch: invert });
    switch (behavior) {
      case "Isolated":
        return parts.map(({ text }) => text);
      case "Removed":
        return parts.map(({ text, isMatch }) => (isMatch ? "" : text));
      case "Contiguous":
        return join(parts, (part, before) => part.isMatch === (before?.isMatch ?? false));
      case "MergedWithPrevious":
        return join(parts, (part, before) => part.isMatch && !before?.isMatch);
      case "MergedWithNext": {
        const reversed = join(parts.reverse(), (part, before) => part.isMatch && !before?.isMatch, true);
        return reversed.reverse();
      }
    }
  };
}

/** Joins a part to the one before it where `joins` says so; the first part has none. */
function join(
  parts: readonly Part[],
  joins: (part: Part, before: Part | undefined) => boolean | undefined,
  isReversed = false,
): string[] {
  const joined: string[] = [];
  for (const [at, part] of parts.entries()) {
    const last = joined.length - 1;
    if (last < 0 || !joins(part, parts[at - 1])) joined.push(part.text);
    else joined[last] = isReversed ? part.text + joined[last] : joined[last] + part.text;
  }
  return joined;
}
