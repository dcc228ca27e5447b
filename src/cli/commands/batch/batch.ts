/** The command `batch`: reads requests and writes each text when it is done. json-lines/ does what it shares with `score`. */
import { LlamaError } from "../../../error.js";
import { REQUEST_KEYS, requestOf } from "../../../generation/completion/request-json.js";
import type { BatchAnswer, BatchRequest } from "../../../index.js";
import type { Origin } from "../../json-lines/json-line.js";
import { type Answered, type LineRunFlags, runLines } from "../../json-lines/run-lines.js";
import { answerForm, isFormOnStdin } from "../../model/answer-form.js";
import { chatChoice } from "../../model/chat-choice.js";
import type { ChatFlags, FormFlags, SamplingFlags } from "../../options/flags.js";
import { samplingSettings } from "../../options/option-groups.js";

/** The options of `batch`, by their names on the command line. */
export interface BatchFlags extends LineRunFlags, SamplingFlags, ChatFlags, FormFlags {
  parse_special?: true | undefined;
  logprobs?: number | true | undefined;
  echo?: true | undefined;
}

/** Runs the command and returns the exit code. */
export async function batch(path: string | undefined, flags: BatchFlags): Promise<number> {
  if (isFormOnStdin(flags) && (path ?? "-") === "-") {
    throw new LlamaError("usage", "stdin cannot be both the schema and the requests");
  }
  const form = await answerForm(flags, new AbortController().signal);
  const seed = flags.seed ?? Math.floor(Math.random() * 2 ** 32);
  const { logprobs, echo = false, prompt_lookup_num_tokens: promptLookupNumTokens } = flags;
  const scores = { logprobs: logprobs !== undefined, topLogprobs: typeof logprobs === "number" ? logprobs : 0, echo };
  const { promptLookupNumTokens: _, ...sampling } = samplingSettings(flags);
  const defaults = { ...sampling, ...(form && { form }), ...scores, parseSpecial: flags.parse_special === true };
  const chat = flags.chat === undefined ? "auto" : chatChoice(flags.chat);
  return runLines<BatchRequest<Origin>>(path, flags, {
    keys: REQUEST_KEYS,
    // The seed of a line that has none depends on its number only, so that --resume and --shard do not change it.
    request: (json, origin) => {
      const request = requestOf(json, origin, { ...defaults, seed: (seed + origin.line - 1) % 2 ** 32 });
      return "messages" in request ? { ...request, chat } : request;
    },
    async *answer(llama, requests, options) {
      for await (const answer of llama.batch(requests, { ...options, promptLookupNumTokens })) yield answered(answer);
    },
    tokens: ({ generatedTokens }) => generatedTokens,
  });
}

/** The output fields of an answer. Scripts depend on their names. */
function answered({ tag, completion, error }: BatchAnswer<Origin>): Answered {
  if (error) return { tag, fields: null, error };
  const { text, ids, promptIds, finishReason, formComplete, seed, logprobs, promptLogprobs } = completion;
  if (finishReason === "abort") return { tag, fields: null, error: null };
  const fields = {
    text,
    ids,
    prompt_tokens: promptIds.length,
    finish_reason: finishReason,
    ...(formComplete !== null && { form_complete: formComplete }),
    seed,
    ...(logprobs && { logprobs }),
    ...(promptLogprobs && { prompt_logprobs: promptLogprobs }),
  };
  return { tag, fields, error: null };
}
