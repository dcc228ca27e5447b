/** Runs the normalizers of a tokenizer.json on a text. Does not know tokens. */
import type { NormalizerStep, Pattern } from "../../formats/tokenizer/pipeline-json.js";
import { compilePattern } from "./pattern.js";
import { unicodeNormalize } from "./unicode-normalize.js";

/** `keepsStart`: whether the result begins with what the text begins with, or what that became. */
export type Normalizer = (text: string) => { text: string; keepsStart: boolean };
type Rewrite = (text: string) => string;

const SPACE_AT_START = /^\p{White_Space}+/u;
const SPACE_AT_END = /\p{White_Space}+$/u;

/** Runs the steps one after another. Throws a LlamaError for a pattern that cannot be compiled. */
export function createNormalizer(steps: readonly NormalizerStep[], path: string): Normalizer {
  const run = steps.map((step) => normalizerOf(step, path));
  // These steps can remove the start of a text.
  const removes = steps.map(
    (step) => (step.type === "Strip" && step.left) || (step.type === "Replace" && step.content === ""),
  );
  return (text) => {
    let result = text;
    let keepsStart = true;
    for (const [at, rewrite] of run.entries()) {
      const before = result;
      result = rewrite(before);
      if (removes[at] && before.length > result.length && !before.startsWith(result[0] ?? "")) keepsStart = false;
    }
    return { text: result, keepsStart };
  };
}

/** Replaces every match of a pattern. Throws a LlamaError for a pattern that cannot be compiled. */
export function replacer(pattern: Pattern, content: string, path: string): Rewrite {
  const find = compilePattern(pattern, path);
  return (text) => {
    let result = "";
    let done = 0;
    for (const [start, end] of find(text)) {
      result += text.slice(done, start) + content;
      done = end;
    }
    return result + text.slice(done);
  };
}

function normalizerOf(step: NormalizerStep, path: string): Rewrite {
  switch (step.type) {
    case "Prepend":
      return (text) => (text === "" ? "" : step.prepend + text);
    case "Replace":
      return replacer(step.pattern, step.content, path);
    case "Strip":
      return (text) => {
        const rest = step.left ? text.replace(SPACE_AT_START, "") : text;
        return step.right ? rest.replace(SPACE_AT_END, "") : rest;
      };
    default:
      return (text) => unicodeNormalize(text, step.type);
  }
}
