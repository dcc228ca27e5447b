/** The output fields of an answer of `batch`, and what the queue carries of a line. Scripts depend on the names. */
import { LlamaError } from "../../../error.js";
import { isObject } from "../../../formats/files/json-value.js";
import { CHAT_CHOICE } from "../../../generation/chat/chat-choice.js";
import type { BatchRequestOptions } from "../../../generation/completion/batch.js";
import { requestOf } from "../../../generation/completion/request-json.js";
import { withBias } from "../../../generation/options/json-numbers.js";
import { type Json, wrongType } from "../../../generation/options/wrong-type.js";
import type { BatchAnswer, BatchOptions, BatchRequest, ChatChoice } from "../../../index.js";
import type { Origin } from "../../json-lines/json-line.js";
import type { Answered } from "../../json-lines/run-lines.js";

/** The fields of an answer; neither fields nor an error if it was interrupted. */
export function batchFields({ tag, completion, error }: BatchAnswer<Origin>): Answered {
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

/** The options of a run for lines that set none of their own. */
export interface BatchDefaults {
  options: BatchRequestOptions;
  chat: ChatChoice;
  lookup: BatchOptions["promptLookupNumTokens"];
}

/** A line as the queue carries it. */
export function queuedBatch(
  { id: _, metadata: __, ...request }: Json,
  { options, chat, lookup }: BatchDefaults,
): object {
  return { request, options, chat, ...(lookup !== undefined && { lookup }) };
}

/** The request that `queuedBatch` made these fields of. Throws LlamaError (usage) for what it cannot have made. */
export function batchOfQueue(
  { request, options, chat, lookup }: Json,
  origin: Origin,
): { request: BatchRequest<Origin>; settings: BatchOptions } {
  if (!isObject(request)) throw wrongType("request", "an object", request);
  if (!isObject(options)) throw wrongType("options", "an object", options);
  if (!CHAT_CHOICE.isType(chat)) throw wrongType("chat", CHAT_CHOICE.type, chat);
  if (lookup !== undefined && lookup !== "auto" && typeof lookup !== "number") {
    throw new LlamaError("usage", "lookup has the wrong type", { expected: "a number or auto" });
  }
  const made = requestOf(request, origin, withBias(options) as BatchRequestOptions);
  return {
    request: "messages" in made ? { ...made, chat: chat as ChatChoice } : made,
    settings: lookup === undefined ? {} : { promptLookupNumTokens: lookup },
  };
}
