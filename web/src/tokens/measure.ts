/** What a probability means to the reader: its level, its words, and where a text could have gone another way. Does not know elements. */
import type { Token } from "../state/types.js";

/** Levels of probability, the surest first. `least`: from this probability on. */
export const LEVELS = [
  { least: 0.9, words: "sure" },
  { least: 0.5, words: "likely" },
  { least: 0.2, words: "open" },
  { least: 0.05, words: "unlikely" },
  { least: 0, words: "surprising" },
] as const;

/** A place is a fork if another token was at least this part as likely as the one in the text. */
const FORK = 0.5;

/** Index of LEVELS; null if the probability is not known. */
export function levelOf({ logprob }: Pick<Token, "logprob">): number | null {
  if (logprob === null) return null;
  const probability = Math.exp(logprob);
  return LEVELS.findIndex(({ least }) => probability >= least);
}

/** A probability in percent, with as many digits as tell something. */
export function percent(logprob: number): string {
  const value = 100 * Math.exp(logprob);
  if (value >= 99.95) return "100 %";
  if (value >= 9.95) return `${value.toFixed(0)} %`;
  if (value >= 0.1) return `${value.toFixed(1)} %`;
  return value >= 0.001 ? `${value.toFixed(3)} %` : "< 0.001 %";
}

/** What the most likely tokens leave to all others, 0 to 1; null if no token is named. */
export function restOf({ top }: Pick<Token, "top">): number | null {
  if (top.length === 0) return null;
  return Math.max(0, 1 - top.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0));
}

/** The place of a token among the most likely, from 1; null if it is not known. */
export function rankOf({ id, top }: Pick<Token, "id" | "top">): number | null {
  const index = top.findIndex((one) => one.id === id);
  return index < 0 ? null : index + 1;
}

export function isFork({ id, logprob, top }: Token): boolean {
  if (logprob === null) return false;
  return top.some((other) => other.id !== id && other.logprob >= logprob + Math.log(FORK));
}

/** Tokens of known probability, their mean logprob, and the forks; null if no probability is known. */
export function summaryOf(tokens: readonly Token[]): { known: number; mean: number; forks: number } | null {
  let known = 0;
  let sum = 0;
  let forks = 0;
  for (const token of tokens) {
    if (token.logprob === null) continue;
    known++;
    sum += token.logprob;
    if (isFork(token)) forks++;
  }
  return known === 0 ? null : { known, mean: sum / known, forks };
}
