/** The keys of a line of `score`, what it asks for, and the output fields of its answer. Scripts depend on the names. */
import { LlamaError } from "../../../error.js";
import { idsOf } from "../../../generation/completion/request-json.js";
import { type Json, wrongType } from "../../../generation/options/wrong-type.js";
import type { ScoreAnswer, ScoreRequest } from "../../../index.js";
import type { Origin } from "../../json-lines/json-line.js";
import type { Answered } from "../../json-lines/run-lines.js";

export const SCORE_KEYS = ["context", "continuation", "context_ids", "continuation_ids"];

/** Throws LlamaError (usage) for a line that is invalid. */
export function scoreRequestOf(json: Json, tag: Origin): ScoreRequest<Origin> {
  return { tag, context: textOf(json, "context"), continuation: textOf(json, "continuation") };
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
export function scoreFields({ tag, score, error }: ScoreAnswer<Origin>): Answered {
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
