/** The bodies of ollama's routes /api/generate, /api/chat and /api/show, and what their options are in the fields of the other routes. */
import Type, { type Static } from "typebox";
import { invalid, unsupported } from "../http/api-error.js";
import { MESSAGE } from "./chat-request.js";
import type { CompletionRequest } from "./completion-request.js";
import type { AskedForm } from "./form-fields.js";
import { readRequest } from "./read-request.js";
import { FLAG, IDS, LOGPROB_COUNT, SAMPLING_FIELDS, TEXT } from "./sampling-fields.js";
import { TOOL_FIELDS } from "./tool-fields.js";

const optional = Type.Optional;
const { temperature, top_k, top_p, min_p, repeat_penalty, presence_penalty, frequency_penalty, seed, stop } =
  SAMPLING_FIELDS;
const whole = Type.Integer({ title: "a whole number" });

/** Checked by themselves, so that an error names the option. */
const OLLAMA_OPTIONS = Type.Object({
  ...{ temperature, top_k, top_p, min_p, repeat_penalty, presence_penalty, frequency_penalty, seed, stop },
  /** -1: as long as the context allows; -2: until it is full, which is the same here. */
  num_predict: optional(Type.Integer({ minimum: -2, maximum: 2 ** 31 - 1, title: "a whole number of at least -2" })),
  num_ctx: optional(Type.Integer({ minimum: 1, title: "a whole number of at least 1" })),
  repeat_last_n: optional(whole),
  mirostat: optional(whole),
  tfs_z: optional(Type.Number({ title: "a number" })),
  typical_p: optional(Type.Number({ title: "a number" })),
});

const SHARED = {
  model: optional(TEXT),
  stream: optional(FLAG),
  options: optional(Type.Object({}, { title: "an object of options" })),
  logprobs: optional(FLAG),
  top_logprobs: optional(LOGPROB_COUNT),
  format: optional(Type.Union([TEXT, Type.Object({})], { title: '"json" or a JSON Schema' })),
};

export const GENERATE_REQUEST = Type.Object({
  ...SHARED,
  prompt: optional(TEXT),
  system: optional(TEXT),
  raw: optional(FLAG),
  context: optional(IDS),
});

export const OLLAMA_CHAT_REQUEST = Type.Object({
  ...SHARED,
  messages: optional(Type.Array(MESSAGE, { title: "a list of messages" })),
  tools: TOOL_FIELDS.tools,
});

export const SHOW_REQUEST = Type.Object({ model: optional(TEXT), name: optional(TEXT) });

export type GenerateRequest = Static<typeof GENERATE_REQUEST>;
export type OllamaChatRequest = Static<typeof OLLAMA_CHAT_REQUEST>;
export type ShowRequest = Static<typeof SHOW_REQUEST>;
export type OllamaOptions = Static<typeof OLLAMA_OPTIONS>;

/** Options about the machine: they change no answer. */
const MACHINE = [
  ...["num_thread", "num_gpu", "main_gpu", "num_batch", "num_keep", "numa", "low_vram", "f16_kv", "vocab_only"],
  ...["use_mmap", "use_mlock", "logits_all", "embedding_only", "penalize_newline", "mirostat_tau", "mirostat_eta"],
];

/** The options of a request, and the names of those that are not known. Throws ApiError for a wrong one. */
export function readOptions(options: object, isStrict: boolean) {
  const given = Object.entries(options).filter(([name]) => !MACHINE.includes(name));
  return readRequest(OLLAMA_OPTIONS, Object.fromEntries(given), isStrict, "options.");
}

/** Throws ApiError for options that would change the answer in ways that this server does not have. */
export function checkOllamaOptions(options: OllamaOptions, context: number): void {
  const { num_ctx: size = 0, mirostat = 0, tfs_z: tail = 1, typical_p: typical = 1 } = options;
  const { repeat_last_n: last = -1, repeat_penalty: penalty = 1 } = options;
  if (size > context) {
    throw invalid(
      `options.num_ctx is ${size}, and the context of this server holds ${context} tokens`,
      "options.num_ctx",
    );
  }
  const sampling = "this server samples by temperature, top_k, top_p and min_p";
  if (mirostat !== 0) throw unsupported("options.mirostat", sampling);
  if (tail !== 1) throw unsupported("options.tfs_z", sampling);
  if (typical !== 1) throw unsupported("options.typical_p", sampling);
  if (last !== -1 && penalty !== 1) {
    throw unsupported("options.repeat_last_n", "penalties count the tokens of the whole text, which is -1");
  }
}

/** The form that `format` asks for; null: any text. Throws ApiError for another word. */
export function askedFormat({ format = "" }: GenerateRequest | OllamaChatRequest): AskedForm | null {
  const field = "format";
  if (format === "") return null;
  if (format === "json") return { form: { jsonObject: true }, field };
  if (typeof format === "string") throw invalid('format must be "json" or a JSON Schema', field);
  return { form: { jsonSchema: format }, field };
}

/** The sampling of the options, in the fields of the other routes; `max_tokens` null: as long as there is room. */
export function samplingOf(options: OllamaOptions): {
  sampling: Partial<Pick<CompletionRequest, keyof typeof SAMPLING_FIELDS & keyof CompletionRequest>>;
  maxTokens: number | null;
} {
  const { num_predict: count = -1, num_ctx: _size, repeat_last_n: _last, ...rest } = options;
  const { mirostat: _mirostat, tfs_z: _tail, typical_p: _typical, ...sampling } = rest;
  return { sampling, maxTokens: count <= 0 ? null : count };
}
