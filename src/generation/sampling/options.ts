/** The options of a generation and their checks. Options are resolved once, here; later code has no optional values. */
import { LlamaError } from "../../error.js";
import { FORM, type Form } from "../form/form.js";
import {
  BOOLEAN,
  either,
  FUNCTION,
  NULL,
  NUMBER,
  type OptionType,
  type OptionTypes,
  SIGNAL,
} from "../options/check-options.js";
import { MAX_TOP_LOGPROBS, SAMPLING_ROWS, type SamplingKey } from "./option-table.js";
import type { PenaltyOptions } from "./penalties.js";
import type { SamplerOptions } from "./sampler.js";

export type FinishReason = "stop" | "length" | "abort";

export interface SamplingOptions {
  /** 0 always picks the most likely token. Default 0.6, as in Meta's generation.py. */
  temperature?: number;
  /** Nucleus sampling: sample from the most likely tokens whose total probability reaches top_p. Default 0.9, as in Meta's generation.py. */
  topP?: number;
  /** Sample only from the k most likely tokens; 0 (the default): no limit. */
  topK?: number;
  /** Keep tokens at least this fraction as likely as the most likely one. Default 0. */
  minP?: number;
  /** Above 1 makes tokens of the prompt and the generated text less likely (positive logits / p, negative logits * p). Default 1. */
  repetitionPenalty?: number;
  /** Subtracted from the logit of every token already generated, -2 to 2. Default 0. */
  presencePenalty?: number;
  /** Subtracted from a token's logit once per occurrence in the generated text, -2 to 2. Default 0. */
  frequencyPenalty?: number;
  /** Added to the logits of individual tokens, by id; -Infinity forbids a token. */
  logitBias?: Readonly<Record<number, number>>;
  /** Makes sampling repeatable for the same number of ranks. Default: drawn at random. */
  seed?: number;
}

export interface GenerateOptions extends SamplingOptions {
  /** Maximum number of new tokens of a sequence. Default: the rest of the context. */
  maxGenLen?: number | null;
  /** Ends the text before the first of these strings; finishReason is then "stop". */
  stop?: string | readonly string[];
  /** The form of the text: tokens that would leave it are never chosen. */
  form?: Form;
  /** Return log-probabilities of the tokens (from the raw logits, without temperature and top_p). */
  logprobs?: boolean;
  /** With logprobs, in streams and batches: also return this many most likely tokens at each position. Default 0. */
  topLogprobs?: number;
  /** Return the prompt's tokens before the new ones. */
  echo?: boolean;
  /** Names of special tokens in a prompt's text become those tokens. Default false: they are text. */
  parseSpecial?: boolean;
  /**
   * Draft tokens from earlier text and verify them in one step: the same text, but faster where it repeats itself.
   * "auto" (the default) drafts where that saves time; a number drafts that many tokens whenever possible; 0: off.
   */
  promptLookupNumTokens?: number | "auto";
  /** Called during prefill after each step of 256 tokens: tokens done, tokens of all prompts. */
  onPrompt?: (done: number, total: number) => void;
  /** false: compute the whole prompt, and leave no KV cache to later requests. Default true. */
  cachePrompt?: boolean;
  signal?: AbortSignal;
}

/** Types of the options in the table; their ranges are checked where the options are resolved. */
const samplingTypes = Object.fromEntries(SAMPLING_ROWS.map(({ key, kind }) => [key, kind])) as unknown as Record<
  SamplingKey,
  OptionType
>;

export const GENERATE_TYPES: OptionTypes<GenerateOptions> = {
  ...samplingTypes,
  maxGenLen: either(samplingTypes.maxGenLen, NULL),
  form: FORM,
  logprobs: BOOLEAN,
  topLogprobs: NUMBER,
  echo: BOOLEAN,
  parseSpecial: BOOLEAN,
  onPrompt: FUNCTION,
  cachePrompt: BOOLEAN,
  signal: SIGNAL,
};

/** Checked sampling options. */
export interface ResolvedSampling extends SamplerOptions, PenaltyOptions {
  seed: number;
}

/** Fills in defaults; throws a LlamaError (usage) that names the option out of range. */
export function resolveSampling(
  options: SamplingOptions,
  vocabSize: number,
  randomSeed: () => number,
): ResolvedSampling {
  const seeded = { ...options, seed: options.seed ?? randomSeed() };
  const values = Object.fromEntries(SAMPLING_ROWS.map(({ key }) => [key, resolved(seeded, key)]));
  const { logitBias, ...rest } = values as unknown as Required<SamplingOptions>;
  return { ...rest, logitBias: resolveBias(logitBias, vocabSize) };
}

function resolveBias(bias: Readonly<Record<number, number>>, vocabSize: number): Map<number, number> {
  const entries = Object.entries(bias).map(([key, value]): [number, number] => [Number(key), value]);
  for (const [id] of entries) {
    const isId = Number.isInteger(id) && id >= 0 && id < vocabSize;
    check("logit_bias", id, `token ids from 0 to ${vocabSize - 1}`, isId);
  }
  return new Map(entries);
}

/** The strings that end a text; throws LlamaError (usage) for an empty string. */
export function resolveStop(options: GenerateOptions): readonly string[] {
  return [resolved(options, "stop") ?? []].flat();
}

/** How many tokens prompt lookup may draft; throws LlamaError (usage) unless it is a count or "auto". */
export function resolveLookup(options: GenerateOptions): number | "auto" {
  return resolved(options, "promptLookupNumTokens")!;
}

/** Maximum number of new tokens; throws LlamaError (usage) unless it is a count, null or absent. */
export function resolveMaxGenLen(options: GenerateOptions, maxSeqLen: number): number {
  return resolved(options, "maxGenLen") ?? maxSeqLen - 1;
}

/** The value of an option, or its default. Throws LlamaError (usage) that names the option out of range. */
function resolved<K extends SamplingKey>(options: GenerateOptions, key: K): GenerateOptions[K] {
  const { name, kind, default: fallback } = SAMPLING_ROWS.find((row) => row.key === key)!;
  const value = options[key] ?? (fallback as GenerateOptions[K]);
  if (value !== undefined && !kind.fits(value)) {
    const found = kind.show?.(value) ?? String(value);
    throw new LlamaError("usage", "out of range", { where: name, expected: kind.expected, found });
  }
  return value;
}

/** Throws LlamaError (usage) for more than is computed in reasonable time. */
export function checkTopLogprobs(value: number | undefined): void {
  checkCount("logprobs", value, 0);
  check("logprobs", value, `a whole number up to ${MAX_TOP_LOGPROBS}`, (value ?? 0) <= MAX_TOP_LOGPROBS);
}

/** Throws LlamaError (usage) unless the value is null, undefined or a whole number of at least `least`. */
export function checkCount(name: string, value: number | null | undefined, least: number): void {
  if (value === null || value === undefined) return;
  check(name, value, `a whole number of at least ${least}`, Number.isInteger(value) && value >= least);
}

function check(name: string, value: unknown, expected: string, ok: boolean): void {
  if (!ok) throw new LlamaError("usage", "out of range", { where: name, expected, found: String(value) });
}
