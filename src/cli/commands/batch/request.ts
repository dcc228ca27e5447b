/** Converts an input line of `batch` into a request: its prompt and options. Checks types; ranges are checked where values are used. */
import { LlamaError } from "../../../error.js";
import type { BatchRequest, BatchRequestOptions, Dialog, Message } from "../../../index.js";
import { isNumber, type Json, type Origin, wrongType } from "../../json-lines/json-line.js";

/** Options of a request: the name on the command line, and the name in the library. */
const NUMBERS: Readonly<Record<string, keyof BatchRequestOptions>> = {
  temperature: "temperature",
  top_p: "topP",
  max_gen_len: "maxGenLen",
  seed: "seed",
  top_k: "topK",
  min_p: "minP",
  repetition_penalty: "repetitionPenalty",
  presence_penalty: "presencePenalty",
  frequency_penalty: "frequencyPenalty",
};
const PROMPTS = ["prompt", "prompt_ids", "messages"];

export const REQUEST_KEYS = [...PROMPTS, ...Object.keys(NUMBERS), "stop", "logit_bias", "echo", "logprobs"];

/** Makes a request. `defaults` apply to options that the line omits; the default seed is `defaults.seed` + line number - 1. */
export function requestOf(
  json: Json,
  origin: Origin,
  defaults: BatchRequestOptions & { seed: number },
): BatchRequest<Origin> {
  const seed = (defaults.seed + origin.line - 1) % 2 ** 32;
  return { tag: origin, ...promptOf(json), options: { ...defaults, seed, ...optionsOf(json) } };
}

function promptOf(json: Json): { prompt: string | number[] } | { messages: Dialog } {
  const given = PROMPTS.filter((key) => json[key] !== undefined);
  if (given.length !== 1) {
    throw new LlamaError("usage", given.length === 0 ? "no prompt" : "more than one prompt", {
      expected: `one of ${PROMPTS.join(", ")}`,
      ...(given.length > 1 && { found: given.join(" and ") }),
    });
  }
  const { prompt, prompt_ids, messages } = json;
  if (messages !== undefined) {
    if (Array.isArray(messages) && messages.every(isMessage)) return { messages };
    throw wrongType("messages", 'a list of {"role": ..., "content": ...}', messages);
  }
  if (prompt_ids !== undefined) {
    if (Array.isArray(prompt_ids) && prompt_ids.every(isNumber)) return { prompt: prompt_ids };
    throw wrongType("prompt_ids", "a list of token ids", prompt_ids);
  }
  if (typeof prompt === "string") return { prompt };
  throw wrongType("prompt", "a string", prompt);
}

function isMessage(value: unknown): value is Message {
  const { role, content } = (value ?? {}) as Json;
  return typeof role === "string" && typeof content === "string";
}

function optionsOf(json: Json): BatchRequestOptions {
  const options: Json = {};
  for (const [key, name] of Object.entries(NUMBERS)) {
    const value = json[key];
    if (value === undefined || value === null) continue;
    if (!isNumber(value)) throw wrongType(key, "a number", value);
    options[name] = value;
  }
  const { echo, logprobs, stop, logit_bias } = json;
  if (stop !== undefined) {
    const isList = Array.isArray(stop) && stop.every((one) => typeof one === "string");
    if (typeof stop !== "string" && !isList) throw wrongType("stop", "a string or a list of strings", stop);
    options.stop = stop;
  }
  if (logit_bias !== undefined) {
    const isObject = logit_bias !== null && typeof logit_bias === "object" && !Array.isArray(logit_bias);
    if (!isObject || !Object.values(logit_bias).every(isNumber)) {
      throw wrongType("logit_bias", "an object of numbers by token id", logit_bias);
    }
    options.logitBias = logit_bias;
  }
  if (echo !== undefined && typeof echo !== "boolean") throw wrongType("echo", "true or false", echo);
  if (echo !== undefined) options.echo = echo;
  if (logprobs === undefined || logprobs === null) return options;
  if (typeof logprobs !== "boolean" && !isNumber(logprobs)) {
    throw wrongType("logprobs", "true, false or a number", logprobs);
  }
  return { ...options, logprobs: logprobs !== false, topLogprobs: isNumber(logprobs) ? logprobs : 0 };
}
