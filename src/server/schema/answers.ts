/** The forms of answers, for the OpenAPI document. */
import Type, { type TSchema } from "typebox";

const optional = Type.Optional;
const or = (schema: TSchema) => Type.Union([schema, Type.Null()]);
const ID = Type.Integer({ minimum: 0 });
const COUNT = Type.Integer({ minimum: 0 });
const TIME = Type.Number({ minimum: 0 });

export const ERROR = Type.Object({
  error: Type.Object({
    message: Type.String(),
    type: Type.String(),
    param: or(Type.String()),
    code: or(Type.String()),
  }),
});

const USAGE = Type.Object({
  prompt_tokens: COUNT,
  completion_tokens: COUNT,
  total_tokens: COUNT,
  prompt_tokens_details: Type.Object({ cached_tokens: COUNT }),
});

const TIMINGS = Type.Object({
  cache_n: COUNT,
  prompt_n: COUNT,
  prompt_ms: TIME,
  prompt_per_second: TIME,
  predicted_n: COUNT,
  predicted_ms: TIME,
  predicted_per_second: TIME,
  draft_n: COUNT,
  draft_n_accepted: COUNT,
  queue_ms: TIME,
});

const CHOICE_END = {
  index: ID,
  finish_reason: Type.Union([Type.Literal("stop"), Type.Literal("length"), Type.Literal("tool_calls")]),
  stop_reason: Type.Union([Type.String(), ID, Type.Null()]),
  prompt_token_ids: optional(Type.Array(ID)),
  token_ids: optional(Type.Array(ID)),
  form_complete: optional(Type.Boolean()),
};

const HEAD = {
  id: Type.String(),
  created: COUNT,
  model: Type.String(),
  system_fingerprint: Type.String(),
  usage: USAGE,
  seed: COUNT,
  timings: TIMINGS,
};

export const COMPLETION = Type.Object({
  ...HEAD,
  object: Type.Literal("text_completion"),
  choices: Type.Array(
    Type.Object({
      ...CHOICE_END,
      text: Type.String(),
      logprobs: or(
        Type.Object({
          tokens: Type.Array(Type.String()),
          token_logprobs: Type.Array(or(Type.Number())),
          top_logprobs: Type.Array(or(Type.Record(Type.String(), Type.Number()))),
          text_offset: Type.Array(COUNT),
          token_ids: optional(Type.Array(ID)),
          top_token_ids: optional(Type.Array(or(Type.Record(Type.String(), ID)))),
        }),
      ),
    }),
  ),
});

const CALL = Type.Object({
  id: Type.String(),
  type: Type.Literal("function"),
  function: Type.Object({ name: Type.String(), arguments: Type.String() }),
});

const CHAT_TOKEN = { token: Type.String(), logprob: Type.Number(), bytes: Type.Array(ID) };

const CHAT_TOKENS = Type.Array(Type.Object({ ...CHAT_TOKEN, top_logprobs: Type.Array(Type.Object(CHAT_TOKEN)) }));

export const CHAT_COMPLETION = Type.Object({
  ...HEAD,
  object: Type.Literal("chat.completion"),
  choices: Type.Array(
    Type.Object({
      ...CHOICE_END,
      message: Type.Object({
        role: Type.Literal("assistant"),
        content: or(Type.String()),
        tool_calls: optional(Type.Array(CALL)),
        refusal: Type.Null(),
      }),
      logprobs: or(
        Type.Object({
          content: CHAT_TOKENS,
          refusal: Type.Null(),
        }),
      ),
    }),
  ),
});

const ENDED = Type.Union([Type.Literal("completed"), Type.Literal("incomplete")]);
const ONE_TEXT = Type.Object({
  type: Type.Literal("output_text"),
  text: Type.String(),
  annotations: Type.Array(Type.Unknown(), { maxItems: 0 }),
  logprobs: CHAT_TOKENS,
});

export const RESPONSE = Type.Object({
  id: Type.String(),
  object: Type.Literal("response"),
  created_at: COUNT,
  completed_at: optional(COUNT),
  status: ENDED,
  incomplete_details: or(Type.Object({ reason: Type.Literal("max_output_tokens") })),
  error: Type.Null(),
  instructions: or(Type.String()),
  max_output_tokens: or(COUNT),
  model: Type.String(),
  output: Type.Array(
    Type.Union([
      Type.Object({
        type: Type.Literal("message"),
        id: Type.String(),
        status: ENDED,
        role: Type.Literal("assistant"),
        content: Type.Array(ONE_TEXT),
      }),
      Type.Object({
        type: Type.Literal("function_call"),
        ...{ id: Type.String(), call_id: Type.String(), name: Type.String(), arguments: Type.String() },
        status: ENDED,
      }),
    ]),
  ),
  temperature: Type.Number(),
  top_p: Type.Number(),
  top_logprobs: COUNT,
  usage: Type.Object({
    input_tokens: COUNT,
    input_tokens_details: Type.Object({ cached_tokens: COUNT }),
    output_tokens: COUNT,
    output_tokens_details: Type.Object({ reasoning_tokens: COUNT }),
    total_tokens: COUNT,
  }),
  seed: COUNT,
  system_fingerprint: Type.String(),
});

const PIECE = Type.Object({ id: ID, piece: Type.Union([Type.String(), Type.Array(ID)]) });

export const TOKENS = Type.Object({
  tokens: Type.Array(Type.Union([ID, PIECE])),
  count: COUNT,
  max_model_len: COUNT,
  token_strs: optional(Type.Array(Type.String())),
});
export const TOKEN_TEXT = Type.Object({ content: Type.String(), prompt: Type.String() });
export const TEMPLATE = Type.Object({
  prompt: Type.String(),
  tokens: Type.Array(ID),
  stop_token_ids: Type.Array(ID),
});
export const STATUS = Type.Object({ status: Type.Literal("ok") });

export const SLOTS = Type.Array(
  Type.Object({
    id: COUNT,
    state: Type.Union([Type.Literal("waiting"), Type.Literal("prompt"), Type.Literal("text")]),
    n_ctx: COUNT,
    n_prompt: COUNT,
    n_cached: COUNT,
    n_done: COUNT,
    n_predicted: COUNT,
    age_ms: COUNT,
  }),
);

export const MODEL = Type.Object({
  id: Type.String(),
  object: Type.Literal("model"),
  created: COUNT,
  owned_by: Type.String(),
  max_model_len: COUNT,
  meta: Type.Object({ n_ctx_train: or(COUNT), n_vocab: COUNT, n_embd: COUNT, n_params: COUNT, size: COUNT }),
});
export const MODELS = Type.Object({ object: Type.Literal("list"), data: Type.Array(MODEL) });
