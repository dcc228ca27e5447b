/** The options of a generation, their defaults and checks. Options are resolved once, here; later code has no optional values. */
import { LlamaError } from "../../error.js";
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
  /** Return log-probabilities of the tokens (from the raw logits, without temperature and top_p). */
  logprobs?: boolean;
  /** With logprobs, in streams and batches: also return this many most likely tokens at each position. Default 0. */
  topLogprobs?: number;
  /** Return the prompt's tokens before the new ones. */
  echo?: boolean;
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

/** Checked sampling options. */
export interface ResolvedSampling extends SamplerOptions, PenaltyOptions {
  seed: number;
}

export const MAX_SEED = 2 ** 32 - 1;
/** As in OpenAI's API: presence and frequency penalties range from -2 to 2. */
export const MAX_PENALTY = 2;

/** Most likely tokens reported beside each one at most. */
export const MAX_TOP_LOGPROBS = 100;
/** Larger biases decide as much as this one, and the largest are infinite in float32. */
export const MAX_BIAS = 1e6;

/** Fills in defaults; throws a LlamaError (usage) that names the option out of range. */
export function resolveSampling(
  options: SamplingOptions,
  vocabSize: number,
  randomSeed: () => number,
): ResolvedSampling {
  const { temperature = 0.6, topP = 0.9, topK = 0, minP = 0, seed = randomSeed() } = options;
  const { repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 } = options;
  check("temperature", temperature, "a number of at least 0", Number.isFinite(temperature) && temperature >= 0);
  check("top_p", topP, "a number from 0 to 1", topP >= 0 && topP <= 1);
  checkCount("top_k", topK, 0);
  check("min_p", minP, "a number from 0 to 1", minP >= 0 && minP <= 1);
  const isPositive = Number.isFinite(repetitionPenalty) && repetitionPenalty > 0;
  check("repetition_penalty", repetitionPenalty, "a number above 0", isPositive);
  for (const [name, value] of Object.entries({ presence: presencePenalty, frequency: frequencyPenalty })) {
    const expected = `a number from -${MAX_PENALTY} to ${MAX_PENALTY}`;
    check(`${name}_penalty`, value, expected, Math.abs(value) <= MAX_PENALTY);
  }
  check("seed", seed, `an integer from 0 to ${MAX_SEED}`, Number.isInteger(seed) && seed >= 0 && seed <= MAX_SEED);
  const logitBias = resolveBias(options.logitBias ?? {}, vocabSize);
  return { temperature, topP, topK, minP, repetitionPenalty, presencePenalty, frequencyPenalty, logitBias, seed };
}

function resolveBias(bias: Readonly<Record<number, number>>, vocabSize: number): Map<number, number> {
  const entries = Object.entries(bias).map(([key, value]): [number, number] => [Number(key), value]);
  for (const [id, value] of entries) {
    const isId = Number.isInteger(id) && id >= 0 && id < vocabSize;
    check("logit_bias", id, `token ids from 0 to ${vocabSize - 1}`, isId);
    const isBias = Math.abs(value) <= MAX_BIAS || value === Number.NEGATIVE_INFINITY;
    check("logit_bias", value, `a number from -${MAX_BIAS} to ${MAX_BIAS}, or -Infinity`, isBias);
  }
  return new Map(entries);
}

/** The strings that end a text; throws LlamaError (usage) for an empty string. */
export function resolveStop({ stop = [] }: GenerateOptions): readonly string[] {
  const stops = typeof stop === "string" ? [stop] : stop;
  check("stop", '""', "non-empty strings", !stops.includes(""));
  return stops;
}

/** How many tokens prompt lookup may draft; throws LlamaError (usage) unless it is a count or "auto". */
export function resolveLookup({ promptLookupNumTokens = "auto" }: GenerateOptions): number | "auto" {
  if (promptLookupNumTokens !== "auto") checkCount("prompt_lookup_num_tokens", promptLookupNumTokens, 0);
  return promptLookupNumTokens;
}

/** Maximum number of new tokens; throws LlamaError (usage) unless it is a count, null or absent. */
export function resolveMaxGenLen({ maxGenLen }: GenerateOptions, maxSeqLen: number): number {
  checkCount("max_gen_len", maxGenLen, 0);
  return maxGenLen ?? maxSeqLen - 1;
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
