/** The command `batch`: reads requests and writes each text when it is done. json-lines/ does what it shares with `score`. */
import { LlamaError } from "../../../error.js";
import { REQUEST_KEYS, requestOf } from "../../../generation/completion/request-json.js";
import type { Json } from "../../../generation/options/wrong-type.js";
import type { BatchRequest } from "../../../index.js";
import type { Origin } from "../../json-lines/json-line.js";
import { runLines } from "../../json-lines/run-lines.js";
import { answerForm, isFormOnStdin } from "../../model/answer-form.js";
import { chatChoice } from "../../model/chat-choice.js";
import type { ChatFlags, FormFlags, SamplingFlags } from "../../options/flags.js";
import { samplingSettings } from "../../options/option-groups.js";
import { checkQueueFlags, type QueueLineFlags, queueLines } from "../../queue/queue-lines.js";
import { batchFields, queuedBatch } from "./batch-fields.js";

/** The options of `batch`, by their names on the command line. */
export interface BatchFlags extends QueueLineFlags, SamplingFlags, ChatFlags, FormFlags {
  seed?: number | undefined;
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
  // The seed of a line that has none depends on its number only, so that --resume and --shard do not change it.
  const ofLine = (origin: Origin, first: number) => ({ ...defaults, seed: (first + origin.line - 1) % 2 ** 32 });
  const request = (json: Json, origin: Origin) => {
    const made = requestOf(json, origin, ofLine(origin, seed));
    return "messages" in made ? { ...made, chat } : made;
  };
  if (flags.queue !== undefined) checkQueueFlags(flags);
  return runLines<BatchRequest<Origin>>(path, flags, {
    keys: REQUEST_KEYS,
    request,
    async *answer(llama, requests, options) {
      for await (const answer of llama.batch(requests, { ...options, promptLookupNumTokens }))
        yield batchFields(answer);
    },
    tokens: ({ generatedTokens }) => generatedTokens,
    ...(flags.queue !== undefined && {
      elsewhere: (run) =>
        queueLines(run, flags, {
          kind: "batch",
          keys: REQUEST_KEYS,
          fields: (json, origin, first) => {
            request(json, origin);
            return queuedBatch(json, { options: ofLine(origin, first), chat, lookup: promptLookupNumTokens });
          },
          tokens: ({ ids }) => (Array.isArray(ids) ? ids.length : 0),
        }),
    }),
  });
}
