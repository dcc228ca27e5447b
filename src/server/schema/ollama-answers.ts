/** The forms of the answers of ollama's routes, for the OpenAPI document. */
import Type from "typebox";

const optional = Type.Optional;
const COUNT = Type.Integer({ minimum: 0 });
const ID = COUNT;

export const OLLAMA_ERROR = Type.Object({ error: Type.String() });
export const OLLAMA_VERSION = Type.Object({ version: Type.String() });

const DETAILS = Type.Object({
  parent_model: Type.String(),
  format: Type.String(),
  family: Type.String(),
  families: Type.Array(Type.String()),
  parameter_size: Type.String(),
  quantization_level: Type.String(),
});

export const OLLAMA_MODELS = Type.Object({
  models: Type.Array(
    Type.Object({
      name: Type.String(),
      model: Type.String(),
      modified_at: optional(Type.String()),
      size: COUNT,
      digest: Type.String(),
      details: DETAILS,
      expires_at: optional(Type.String()),
      size_vram: optional(COUNT),
      context_length: optional(COUNT),
    }),
  ),
});

export const OLLAMA_SHOWN = Type.Object({
  modelfile: Type.String(),
  parameters: Type.String(),
  template: Type.String(),
  details: DETAILS,
  model_info: Type.Record(Type.String(), Type.Unknown()),
  capabilities: Type.Array(Type.String()),
  modified_at: Type.String(),
});

const TOKEN = { token: Type.String(), logprob: Type.Number(), bytes: Type.Array(ID) };

const END = {
  model: Type.String(),
  created_at: Type.String(),
  done: Type.Literal(true),
  done_reason: Type.Union([Type.Literal("stop"), Type.Literal("length"), Type.Literal("load")]),
  logprobs: optional(Type.Array(Type.Object({ ...TOKEN, top_logprobs: Type.Array(Type.Object(TOKEN)) }))),
  total_duration: optional(COUNT),
  load_duration: optional(COUNT),
  prompt_eval_count: optional(COUNT),
  prompt_eval_duration: optional(COUNT),
  eval_count: optional(COUNT),
  eval_duration: optional(COUNT),
};

export const OLLAMA_GENERATED = Type.Object({
  ...END,
  response: Type.String(),
  context: optional(Type.Array(ID)),
});

export const OLLAMA_CHATTED = Type.Object({
  ...END,
  message: Type.Object({
    role: Type.Literal("assistant"),
    content: Type.String(),
    tool_calls: optional(
      Type.Array(
        Type.Object({
          id: Type.String(),
          function: Type.Object({ name: Type.String(), arguments: Type.Record(Type.String(), Type.Unknown()) }),
        }),
      ),
    ),
  }),
});
