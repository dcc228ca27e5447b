/** The fields of a request that choose tokens, for every route that generates. Does not know routes. */
import Type from "typebox";
import { MAX_TOP_LOGPROBS } from "../../generation/sampling/option-table.js";

/** Texts that end an answer at most: OpenAI takes 4, evaluation programs send more. */
const MAX_STOPS = 32;
export const MAX_CHOICES_OF_PROMPT = 8;
/** Most likely tokens beside each token at most, as in OpenAI's API. */
export const MAX_LOGPROBS = Math.min(20, MAX_TOP_LOGPROBS);

const optional = Type.Optional;
export const COUNT = Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1, title: "a whole number of at least 0" });
export const FLAG = Type.Boolean({ title: "true or false" });
export const TEXT = Type.String({ title: "a string" });
export const IDS = Type.Array(Type.Integer({ minimum: 0 }), { title: "a list of token ids" });

const penalty = Type.Number({ minimum: -2, maximum: 2, title: "a number from -2 to 2" });
const repetition = Type.Number({ minimum: 0.01, maximum: 100, title: "a number from 0.01 to 100" });

export const SAMPLING_FIELDS = {
  temperature: optional(Type.Number({ minimum: 0, title: "a number of at least 0" })),
  top_p: optional(Type.Number({ minimum: 0, maximum: 1, title: "a number from 0 to 1" })),
  top_k: optional(Type.Integer({ minimum: -1, maximum: 2 ** 31 - 1, title: "a whole number; 0 or -1: no limit" })),
  min_p: optional(Type.Number({ minimum: 0, maximum: 1, title: "a number from 0 to 1" })),
  presence_penalty: optional(penalty),
  frequency_penalty: optional(penalty),
  repetition_penalty: optional(repetition),
  repeat_penalty: optional(repetition),
  logit_bias: optional(
    Type.Record(Type.String(), Type.Number({ minimum: -100, maximum: 100 }), {
      title: "an object of numbers from -100 to 100 by token id",
    }),
  ),
  seed: optional(Type.Integer({ title: "a whole number" })),
  stop: optional(
    Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: MAX_STOPS })], {
      title: `a string or a list of at most ${MAX_STOPS} strings`,
    }),
  ),
  n: optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_CHOICES_OF_PROMPT,
      title: `a whole number from 1 to ${MAX_CHOICES_OF_PROMPT}`,
    }),
  ),
  max_tokens: optional(COUNT),
  ignore_eos: optional(FLAG),
  cache_prompt: optional(FLAG),
  cache_salt: optional(TEXT),
  return_token_ids: optional(FLAG),
  return_progress: optional(FLAG),
  timings_per_token: optional(FLAG),
  stream: optional(FLAG),
  stream_options: optional(
    Type.Object({ include_usage: optional(FLAG) }, { title: "an object such as {include_usage: true}" }),
  ),
  model: optional(TEXT),
};

export const LOGPROB_COUNT = Type.Integer({
  minimum: 0,
  maximum: MAX_LOGPROBS,
  title: `a whole number from 0 to ${MAX_LOGPROBS}`,
});
