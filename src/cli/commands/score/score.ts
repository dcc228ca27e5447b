/** The command `score`: log-likelihoods of continuations in given contexts, or the perplexity of a file. */
import { LlamaError } from "../../../error.js";
import { idsOf } from "../../../generation/completion/request-json.js";
import { type Json, wrongType } from "../../../generation/options/wrong-type.js";
import type { ScoreAnswer, ScoreRequest } from "../../../index.js";
import type { Origin } from "../../json-lines/json-line.js";
import { type Answered, type LineRunFlags, runLines } from "../../json-lines/run-lines.js";
import { type PerplexityFlags, perplexity } from "./perplexity.js";

/** The options of `score`, by their names on the command line. */
export interface ScoreFlags extends LineRunFlags, PerplexityFlags {}

/** Runs the command and returns the exit code. */
export function score(path: string | undefined, flags: ScoreFlags): Promise<number> {
  const { perplexity: file, window, stride } = flags;
  if (file !== undefined) {
    if (path === undefined) return perplexity(file, flags);
    throw new LlamaError("usage", `unexpected argument '${path}' with --perplexity`);
  }
  if (window !== undefined || stride !== undefined) {
    throw new LlamaError("usage", "--window and --stride need --perplexity");
  }
  return runLines<ScoreRequest<Origin>>(path, flags, {
    keys: ["context", "continuation", "context_ids", "continuation_ids"],
    request: (json, tag) => ({ tag, context: textOf(json, "context"), continuation: textOf(json, "continuation") }),
    async *answer(llama, requests, options) {
      for await (const answer of llama.score(requests, options)) yield answered(answer);
    },
    tokens: ({ promptTokens }) => promptTokens,
  });
}

/** The text of `key`, or the token ids of `key`_ids. Throws LlamaError (usage) unless exactly one is there. */
function textOf(json: Json, key: string): string | number[] {
  const text = json[key];
  const ids = json[`${key}_ids`];
  if (text !== undefined && ids !== undefined)
    throw new LlamaError("usage", `${key} and ${key}_ids cannot be combined`);
  if (ids !== undefined) return idsOf(`${key}_ids`, ids);
  if (typeof text === "string") return text;
  if (text === undefined) throw new LlamaError("usage", `no ${key}`);
  throw wrongType(key, "a string", text);
}

/** The output fields of an answer. Scripts depend on their names. */
function answered({ tag, score, error }: ScoreAnswer<Origin>): Answered {
  if (error) return { tag, fields: null, error };
  const { logprob, isGreedy, tokens, contextTokens, cutTokens } = score;
  const fields = {
    logprob,
    is_greedy: isGreedy,
    context_tokens: contextTokens,
    ...(cutTokens > 0 && { cut_tokens: cutTokens }),
    tokens: tokens.map(({ isGreedy, ...token }) => ({ ...token, is_greedy: isGreedy })),
  };
  return { tag, fields, error: null };
}
