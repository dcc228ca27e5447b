/** Reads the steps of a tokenizer.json: normalizers, pre-tokenizers, decoders and post-processor. Knows their options; refuses by name what llama-ts does not do; does not run a step. */
import { LlamaError } from "../../error.js";
import { isObject, showValue, showWord } from "../files/json-value.js";

export type Pattern = { readonly text: string } | { readonly regex: string };

export type NormalizerStep =
  | { readonly type: "Prepend"; readonly prepend: string }
  | { readonly type: "Replace"; readonly pattern: Pattern; readonly content: string }
  | { readonly type: "Strip"; readonly left: boolean; readonly right: boolean }
  | { readonly type: NormalForm };

export const NORMAL_FORMS = ["NFC", "NFD", "NFKC", "NFKD"] as const;
export type NormalForm = (typeof NORMAL_FORMS)[number];

export const BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"] as const;
export type SplitBehavior = (typeof BEHAVIORS)[number];
const PREPEND_SCHEMES = ["always", "first", "never"] as const;
export type PrependScheme = (typeof PREPEND_SCHEMES)[number];

export type PreTokenizerStep =
  | { readonly type: "Split"; readonly pattern: Pattern; readonly behavior: SplitBehavior; readonly invert: boolean }
  | { readonly type: "ByteLevel"; readonly addPrefixSpace: boolean; readonly useRegex: boolean }
  | {
      readonly type: "Metaspace";
      readonly replacement: string;
      readonly prependScheme: PrependScheme;
      readonly split: boolean;
    }
  | { readonly type: "Digits"; readonly individual: boolean }
  | { readonly type: "Whitespace" | "WhitespaceSplit" };

export type DecoderStep =
  | { readonly type: "Replace"; readonly pattern: Pattern; readonly content: string }
  | { readonly type: "Strip"; readonly content: string; readonly start: number; readonly stop: number }
  | { readonly type: "Metaspace"; readonly replacement: string; readonly prependScheme: PrependScheme }
  | { readonly type: "ByteLevel" | "ByteFallback" | "Fuse" | "Join" };

/** The ids that a post-processor puts before and after a text. */
export interface PostProcessor {
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Whether it has a step for byte-level tokens. */
  readonly isByteLevel: boolean;
}

const MAX_CONTENT = 256;

type Options = Readonly<Record<string, unknown>>;

/** Makes the errors for steps of one part of a file. */
class Refusal {
  readonly #path: string;
  readonly #part: string;

  constructor(path: string, part: string) {
    this.#path = path;
    this.#part = part;
  }

  of(type: unknown, found = showWord(type)): LlamaError {
    const fix = "Use the tokenizer.model of the model's release, if there is one";
    return new LlamaError("model", `this ${this.#part} of a tokenizer.json is not supported`, {
      where: this.#path,
      found,
      fix,
    });
  }
}

/** The normalizers in their order; none for null. */
export function readNormalizers(path: string, value: unknown): NormalizerStep[] {
  const refusal = new Refusal(path, "normalizer");
  return flat(refusal, value, "normalizers").map((step): NormalizerStep => {
    const { type } = step;
    if (type === "Prepend") return { type, prepend: text(refusal, step, "prepend") };
    if (type === "Replace") return { type, pattern: pattern(refusal, step), content: text(refusal, step, "content") };
    if (type === "Strip")
      return { type, left: flag(refusal, step, "strip_left", true), right: flag(refusal, step, "strip_right", true) };
    const form = NORMAL_FORMS.find((name) => name === type);
    if (form !== undefined) return { type: form };
    throw refusal.of(type);
  });
}

/** The pre-tokenizers in their order; none for null. */
export function readPreTokenizers(path: string, value: unknown): PreTokenizerStep[] {
  const refusal = new Refusal(path, "pre_tokenizer");
  return flat(refusal, value, "pretokenizers").map((step): PreTokenizerStep => {
    const { type } = step;
    if (type === "Split") {
      const behavior = BEHAVIORS.find((name) => name === step.behavior);
      if (behavior === undefined) throw refusal.of(type, `Split with behavior ${showValue(step.behavior)}`);
      return { type, pattern: pattern(refusal, step), behavior, invert: flag(refusal, step, "invert", false) };
    }
    if (type === "ByteLevel") {
      const addPrefixSpace = flag(refusal, step, "add_prefix_space", true);
      return { type, addPrefixSpace, useRegex: flag(refusal, step, "use_regex", true) };
    }
    if (type === "Metaspace") return { type, ...metaspace(refusal, step), split: flag(refusal, step, "split", true) };
    if (type === "Digits") return { type, individual: flag(refusal, step, "individual_digits", false) };
    if (type === "Whitespace" || type === "WhitespaceSplit") return { type };
    throw refusal.of(type);
  });
}

/** The decoders in their order. Without a decoder, tokens are joined by spaces. */
export function readDecoders(path: string, value: unknown): DecoderStep[] {
  if (value === null || value === undefined) return [{ type: "Join" }];
  const refusal = new Refusal(path, "decoder");
  let isOneText = false;
  return flat(refusal, value, "decoders").map((step): DecoderStep => {
    const { type } = step;
    const wasOneText = isOneText;
    isOneText ||= type === "Fuse" || type === "ByteLevel";
    // These look at each token, and after Fuse or ByteLevel the whole text is one.
    const needsTokens = type === "ByteFallback" || type === "ByteLevel";
    if (wasOneText && needsTokens) throw refusal.of(type, `${type} after a step that joins all tokens`);
    if (type === "ByteLevel" || type === "ByteFallback" || type === "Fuse") return { type };
    if (type === "Replace") {
      const what = pattern(refusal, step);
      // No model has one, and it could backtrack without end at each token.
      if (!("text" in what)) throw refusal.of(type, "Replace of a regular expression");
      if (wasOneText && [...what.text].length !== 1) {
        throw refusal.of(type, "Replace of a longer pattern after a step that joins all tokens");
      }
      return { type, pattern: what, content: text(refusal, step, "content") };
    }
    if (type === "Metaspace") return { type, ...metaspace(refusal, step) };
    if (type === "Strip") {
      const content = text(refusal, step, "content");
      if ([...content].length !== 1) throw refusal.of(type, `Strip of ${showValue(content)}`);
      return { type, content, start: count(refusal, step, "start"), stop: count(refusal, step, "stop") };
    }
    throw refusal.of(type);
  });
}

/** What is put around a text; null if the file does not say. Byte level post-processors only change offsets. */
export function readPostProcessor(path: string, value: unknown): PostProcessor | null {
  if (value === null || value === undefined) return null;
  const refusal = new Refusal(path, "post_processor");
  const result: { before: number[]; after: number[]; isByteLevel: boolean } = {
    ...{ before: [], after: [] },
    isByteLevel: false,
  };
  for (const step of flat(refusal, value, "processors")) {
    if (step.type === "ByteLevel") {
      result.isByteLevel = true;
      continue;
    }
    if (step.type !== "TemplateProcessing" || !Array.isArray(step.single)) throw refusal.of(step.type);
    const added: [number[], number[]] = [[], []];
    let texts = 0;
    for (const item of step.single) {
      const { SpecialToken, Sequence } = isObject(item) ? item : {};
      if (isObject(SpecialToken)) {
        const named = isObject(step.special_tokens) ? step.special_tokens[String(SpecialToken.id)] : undefined;
        const ids = isObject(named) && Array.isArray(named.ids) ? named.ids : [undefined];
        if (!ids.every((id) => Number.isSafeInteger(id) && id >= 0)) throw refusal.of(step.type, "a token without id");
        added[texts === 0 ? 0 : 1].push(...(ids as number[]));
      } else if (isObject(Sequence) && Sequence.id === "A") texts++;
      else throw refusal.of(step.type, `TemplateProcessing with ${showValue(item)}`);
    }
    if (texts !== 1) throw refusal.of(step.type, `TemplateProcessing with the text ${texts} times`);
    result.before.unshift(...added[0]);
    result.after.push(...added[1]);
  }
  return result;
}

/** The steps of a sequence, or the one step. */
function flat(refusal: Refusal, value: unknown, key: string, depth = 0): Options[] {
  if (value === null || value === undefined) return [];
  if (!isObject(value)) throw refusal.of(value, showValue(value));
  if (value.type !== "Sequence") return [value];
  const steps = value[key];
  if (!Array.isArray(steps) || depth > 8) throw refusal.of("Sequence", `a Sequence without ${key}`);
  return steps.flatMap((step) => flat(refusal, step, key, depth + 1));
}

function text(refusal: Refusal, step: Options, key: string): string {
  const value = step[key];
  // It is written for every match in a text, so a long one could exhaust the memory.
  if (typeof value === "string" && value.length <= MAX_CONTENT) return value;
  throw refusal.of(step.type, `${String(step.type)} with ${key} ${showValue(value)}`);
}

function flag(refusal: Refusal, step: Options, key: string, fallback: boolean): boolean {
  const value = step[key] ?? fallback;
  if (typeof value === "boolean") return value;
  throw refusal.of(step.type, `${String(step.type)} with ${key} ${showValue(value)}`);
}

function count(refusal: Refusal, step: Options, key: string): number {
  const value = step[key] ?? 0;
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw refusal.of(step.type, `${String(step.type)} with ${key} ${showValue(value)}`);
}

function pattern(refusal: Refusal, step: Options): Pattern {
  const { String: plain, Regex: regex } = isObject(step.pattern) ? step.pattern : {};
  if (typeof plain === "string") return { text: plain };
  if (typeof regex === "string") return { regex };
  throw refusal.of(step.type, `${String(step.type)} with pattern ${showValue(step.pattern)}`);
}

/** Files of older versions have only add_prefix_space. */
function metaspace(refusal: Refusal, step: Options): { replacement: string; prependScheme: PrependScheme } {
  const replacement = text(refusal, step, "replacement");
  const named = step.prepend_scheme ?? (step.add_prefix_space === false ? "never" : "always");
  const prependScheme = PREPEND_SCHEMES.find((scheme) => scheme === named);
  if ([...replacement].length !== 1 || prependScheme === undefined) {
    throw refusal.of(step.type, `Metaspace with ${showValue(replacement)} and ${showValue(named)}`);
  }
  return { replacement, prependScheme };
}
