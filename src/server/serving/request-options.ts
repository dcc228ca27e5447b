/** Turns the fields of a request into the library's options, with the server's defaults. Does not know routes. */
import type { Completion, GenerateOptions, RequestOptions, Tokenizer } from "../../index.js";
import { invalid } from "../http/api-error.js";
import type { CompletionRequest } from "../schema/completion-request.js";

type SamplingRequest = Partial<Omit<CompletionRequest, "prompt" | "logprobs" | "stream_options">>;

/** The sampling of a request. Throws ApiError for a token id that does not exist. */
export function requestOptions(
  request: SamplingRequest,
  defaults: GenerateOptions,
  tokenizer: Pick<Tokenizer, "stopIds">,
  vocabSize: number,
): RequestOptions & { seed: number } {
  const { top_k: topK, repetition_penalty, repeat_penalty, ignore_eos: ignoreEos = false, stop } = request;
  const stops = stop === undefined ? defaults.stop : [stop].flat().filter((one) => one !== "");
  const bias = { ...defaults.logitBias, ...readBias(request.logit_bias ?? {}, vocabSize) };
  if (ignoreEos) for (const id of tokenizer.stopIds) if (id < vocabSize) bias[id] = Number.NEGATIVE_INFINITY;
  const given = {
    temperature: request.temperature,
    topP: request.top_p,
    topK: topK === undefined ? undefined : Math.max(0, topK),
    minP: request.min_p,
    presencePenalty: request.presence_penalty,
    frequencyPenalty: request.frequency_penalty,
    repetitionPenalty: repetition_penalty ?? repeat_penalty,
    cachePrompt: request.cache_prompt,
    stop: stops,
  };
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...defaults, ...set, logitBias: bias, seed: seedOf(request.seed, defaults.seed) };
}

/** Any whole number is a seed, modulo 2^32; none or -1 draws one. */
function seedOf(seed: number | undefined, fallback: number | undefined): number {
  if (seed === undefined && fallback !== undefined) return fallback;
  if (seed === undefined || seed === -1) return Math.floor(Math.random() * 2 ** 32);
  return ((seed % 2 ** 32) + 2 ** 32) % 2 ** 32;
}

/** Of an answer that was bound to a form: whether it is complete. */
export function formNote({ completion }: { completion: Completion }): { form_complete?: boolean } {
  const { formComplete = null } = completion;
  return formComplete === null ? {} : { form_complete: formComplete };
}

/** The seed of the choice `index` of a prompt. */
export function choiceSeed(seed: number, index: number): number {
  return (seed + index) % 2 ** 32;
}

function readBias(bias: Record<string, number>, vocabSize: number): Record<number, number> {
  const result: Record<number, number> = {};
  for (const [key, value] of Object.entries(bias)) {
    if (!/^\d{1,9}$/.test(key) || Number(key) >= vocabSize) {
      throw invalid(`logit_bias has a name that is not a token id from 0 to ${vocabSize - 1}`, "logit_bias");
    }
    result[Number(key)] = value;
  }
  return result;
}
