/** The body of POST /v1/chat/completions. */
import Type, { type Static } from "typebox";
import { COUNT, FLAG, IDS, LOGPROB_COUNT, SAMPLING_FIELDS } from "./sampling-fields.js";

const PART = Type.Object({ type: Type.Literal("text"), text: Type.String() });

export const MESSAGE = Type.Object({
  role: Type.Union(
    [
      ...([Type.Literal("system"), Type.Literal("developer"), Type.Literal("user")] as const),
      ...([Type.Literal("assistant"), Type.Literal("tool"), Type.Literal("ipython")] as const),
    ],
    { title: "one of system, developer, user, assistant, tool and ipython" },
  ),
  content: Type.Optional(
    Type.Union([Type.String(), Type.Array(PART, { minItems: 1 })], {
      title: 'a string or a list of parts {"type": "text", "text": ...}; this model reads text only',
    }),
  ),
  /** Of an answer: kept as they are, instead of encoding its text again. */
  token_ids: Type.Optional(IDS),
});

export const MESSAGES = Type.Array(MESSAGE, { minItems: 1, title: "a list of at least one message" });

/** How the dialog ends, with vLLM's names. */
export const ENDING_FIELDS = {
  add_generation_prompt: Type.Optional(FLAG),
  continue_final_message: Type.Optional(FLAG),
};

export const CHAT_REQUEST = Type.Object({
  messages: MESSAGES,
  ...ENDING_FIELDS,
  ...SAMPLING_FIELDS,
  max_completion_tokens: Type.Optional(COUNT),
  logprobs: Type.Optional(FLAG),
  top_logprobs: Type.Optional(LOGPROB_COUNT),
});

export type EndingFields = Pick<ChatRequest, keyof typeof ENDING_FIELDS>;
export type ChatRequest = Static<typeof CHAT_REQUEST>;
