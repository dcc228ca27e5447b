/** The body of POST /v1/completions. */
import Type, { type Static } from "typebox";
import { FORM_FIELDS } from "./form-fields.js";
import { FLAG, IDS, LOGPROB_COUNT, SAMPLING_FIELDS } from "./sampling-fields.js";

const id = Type.Integer({ minimum: 0 });

export const COMPLETION_REQUEST = Type.Object({
  prompt: Type.Union(
    [
      Type.String(),
      Type.Array(Type.String(), { minItems: 1 }),
      Type.Array(id, { minItems: 1 }),
      Type.Array(Type.Array(id, { minItems: 1 }), { minItems: 1 }),
    ],
    { title: "a string, a list of strings, a list of token ids, or a list of such lists; not empty and not mixed" },
  ),
  ...SAMPLING_FIELDS,
  ...FORM_FIELDS,
  best_of: Type.Optional(Type.Integer({ minimum: 1, maximum: 20, title: "a whole number from 1 to 20" })),
  echo: Type.Optional(FLAG),
  logprobs: Type.Optional(LOGPROB_COUNT),
  add_special_tokens: Type.Optional(FLAG),
  stop_token_ids: Type.Optional(IDS),
});

export type CompletionRequest = Static<typeof COMPLETION_REQUEST>;
