/** What a generation may be asked for, and the checks of it. Options are resolved once here; behind it nothing is optional. */
import { LlamaError } from "../error.js";

export type FinishReason = "stop" | "length" | "abort";

export interface SamplingOptions {
  /** 0 takes the most likely token. Default 0.6, as Meta's generation.py. */
  temperature?: number;
  /** Nucleus: the most likely tokens whose mass reaches top_p. Default 0.9, as Meta's generation.py. */
  topP?: number;
  /** Makes sampling repeatable for the same number of ranks. Drawn at random when absent. */
  seed?: number;
}

export interface GenerateOptions extends SamplingOptions {
  /** New tokens a sequence may get at most; the room left in the context when absent. */
  maxGenLen?: number | null;
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
export interface ResolvedSampling {
  temperature: number;
  topP: number;
  seed: number;
}

export const MAX_SEED = 2 ** 32 - 1;

/** Fills in defaults; throws LlamaError (usage) that names the option. */
export function resolveSampling(options: SamplingOptions, randomSeed: () => number): ResolvedSampling {
  const { temperature = 0.6, topP = 0.9, seed = randomSeed() } = options;
  check("temperature", temperature, "a number of at least 0", Number.isFinite(temperature) && temperature >= 0);
  check("top_p", topP, "a number from 0 to 1", topP >= 0 && topP <= 1);
  check("seed", seed, `an integer from 0 to ${MAX_SEED}`, Number.isInteger(seed) && seed >= 0 && seed <= MAX_SEED);
  return { temperature, topP, seed };
}

/** How many tokens prompt lookup may guess; throws LlamaError (usage) unless it is a count or "auto". */
export function resolveLookup({ promptLookupNumTokens = "auto" }: GenerateOptions): number | "auto" {
  if (promptLookupNumTokens !== "auto") checkCount("prompt_lookup_num_tokens", promptLookupNumTokens, 0);
  return promptLookupNumTokens;
}

/** Throws LlamaError (usage) unless the value is null, undefined or a whole number of at least `least`. */
export function checkCount(name: string, value: number | null | undefined, least: number): void {
  if (value === null || value === undefined) return;
  check(name, value, `a whole number of at least ${least}`, Number.isInteger(value) && value >= least);
}

function check(name: string, value: unknown, expected: string, ok: boolean): void {
  if (!ok) throw new LlamaError("usage", "out of range", { where: name, expected, found: String(value) });
}
