/** What a generation may be asked for, and the checks of it. Options are resolved once here; behind it nothing is optional. */
import { LlamaError } from "../../error.js";
import type { PenaltyOptions } from "./penalties.js";
import type { SamplerOptions } from "./sampler.js";

export type FinishReason = "stop" | "length" | "abort";

export interface SamplingOptions {
  /** 0 takes the most likely token. Default 0.6, as Meta's generation.py. */
  temperature?: number;
  /** Nucleus: the most likely tokens whose mass reaches top_p. Default 0.9, as Meta's generation.py. */
  topP?: number;
  /** Sample from so many of the most likely tokens; 0 (the default) from any number. */
  topK?: number;
  /** Sample from the tokens that are at least so likely as this share of the most likely one. Default 0. */
  minP?: number;
  /** Above 1 makes the tokens of prompt and text less likely (logit / p, or * p below 0). Default 1. */
  repetitionPenalty?: number;
  /** Taken from the logit of every token that stands in the text, -2 to 2. Default 0. */
  presencePenalty?: number;
  /** Taken from a logit for each time the token stands in the text, -2 to 2. Default 0. */
  frequencyPenalty?: number;
  /** Added to the logits of single tokens, by id; -Infinity forbids one. */
  logitBias?: Readonly<Record<number, number>>;
  /** Makes sampling repeatable for the same number of ranks. Drawn at random when absent. */
  seed?: number;
}

export interface GenerateOptions extends SamplingOptions {
  /** New tokens a sequence may get at most; the room left in the context when absent. */
  maxGenLen?: number | null;
  /** Ends a text before the first of these; finishReason is then "stop". */
  stop?: string | readonly string[];
  /** Return log-probabilities of the tokens (of the raw logits, without temperature and top_p). */
  logprobs?: boolean;
  /** With logprobs, in streams and batches: so many of the most likely tokens in the place of each. Default 0. */
  topLogprobs?: number;
  /** Return the prompt's tokens in front of the new ones. */
  echo?: boolean;
  /**
   * Guess tokens from what followed the same words before, and check them in one step: the same text, sooner where it
   * repeats itself. "auto" (the default) guesses where it pays, a number guesses that many whenever it can, 0 never.
   */
  promptLookupNumTokens?: number | "auto";
  /** Told while the prompt runs, in steps of 256 tokens: tokens done, tokens of all prompts. */
  onPrompt?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** Checked sampling options. */
export interface ResolvedSampling extends SamplerOptions, PenaltyOptions {
  seed: number;
}

export const MAX_SEED = 2 ** 32 - 1;
/** As OpenAI's: presence and frequency penalties are from -2 to 2. */
export const MAX_PENALTY = 2;

/** Most likely tokens reported beside each one at most. */
export const MAX_TOP_LOGPROBS = 100;
/** Larger biases decide as much as this one, and the largest are infinite in float32. */
export const MAX_BIAS = 1e6;

/** Fills in defaults; throws LlamaError (usage) that names the option. */
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

/** The strings that end a text; throws LlamaError (usage) for an empty one. */
export function resolveStop({ stop = [] }: GenerateOptions): readonly string[] {
  const stops = typeof stop === "string" ? [stop] : stop;
  check("stop", '""', "strings that are not empty", !stops.includes(""));
  return stops;
}

/** How many tokens prompt lookup may guess; throws LlamaError (usage) unless it is a count or "auto". */
export function resolveLookup({ promptLookupNumTokens = "auto" }: GenerateOptions): number | "auto" {
  if (promptLookupNumTokens !== "auto") checkCount("prompt_lookup_num_tokens", promptLookupNumTokens, 0);
  return promptLookupNumTokens;
}

/** New tokens at most. */
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
