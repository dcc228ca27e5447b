/** The body of POST /v1/chat/completions. */
import Type, { type Static } from "typebox";
import { FORM_FIELDS } from "./form-fields.js";
import { COUNT, FLAG, IDS, LOGPROB_COUNT, SAMPLING_FIELDS, TEXT } from "./sampling-fields.js";
import { TOOL_FIELDS } from "./tool-fields.js";

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
    Type.Union([Type.String(), Type.Array(PART, { minItems: 1 }), Type.Null()], {
      title: 'a string or a list of parts {"type": "text", "text": ...}; this model reads text only',
    }),
  ),
  /** Of an answer: kept as they are, instead of encoding its text again. */
  token_ids: Type.Optional(IDS),
  /** Of an answer; checked by the library, whose errors name the place. */
  tool_calls: Type.Optional(Type.Union([Type.Array(Type.Unknown()), Type.Null()], { title: "a list of calls" })),
  /** Of a result: the call that it answers, and the tool's name, also with ollama's name of the key. */
  tool_call_id: Type.Optional(TEXT),
  name: Type.Optional(Type.Union([TEXT, Type.Null()], { title: "a string" })),
  tool_name: Type.Optional(TEXT),
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
  ...FORM_FIELDS,
  ...TOOL_FIELDS,
  max_completion_tokens: Type.Optional(COUNT),
  logprobs: Type.Optional(FLAG),
  top_logprobs: Type.Optional(LOGPROB_COUNT),
});

export type EndingFields = Pick<ChatRequest, keyof typeof ENDING_FIELDS>;
export type ChatRequest = Static<typeof CHAT_REQUEST>;
