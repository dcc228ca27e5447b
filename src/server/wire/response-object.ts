/** The answer of /v1/responses as an object, at its begin and at its end, and the events of its stream. Does not know how answers are made. */
import type { RequestOptions } from "../../index.js";
import type { ResponseRequest } from "../schema/response-request.js";
import type { ChoiceResult } from "../serving/run-choices.js";
import type { ChatLogprobs } from "./logprobs.js";
import { usageOf } from "./usage.js";

type TextLogprobs = ChatLogprobs["content"];

export interface ResponseParts {
  id: string;
  messageId: string;
  createdAt: number;
  model: string;
  request: ResponseRequest;
  options: RequestOptions & { seed: number };
  fingerprint: string;
}

/** The answer before its text, and with it. `result`: null while it is being written. */
export function responseObject(parts: ResponseParts, result: ChoiceResult | null, logprobs: TextLogprobs) {
  const { id, createdAt, model, request, options, fingerprint } = parts;
  const status = statusOf(result);
  const usage = result && usageOf([result], [result], 0);
  return {
    ...{ id, object: "response", created_at: createdAt, status },
    ...(status === "completed" && { completed_at: Math.floor(Date.now() / 1000) }),
    incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
    ...{ error: null, instructions: request.instructions ?? null },
    ...{ max_output_tokens: request.max_output_tokens ?? null, model },
    output: result ? [messageItem(parts, result, result.completion.text, logprobs)] : [],
    ...{ parallel_tool_calls: false, previous_response_id: null, store: false, temperature: options.temperature },
    ...{ text: { format: { type: "text" } }, tool_choice: "none", tools: [], top_p: options.topP },
    ...{ top_logprobs: request.top_logprobs ?? 0, truncation: "disabled", background: false },
    usage: usage && {
      ...{ input_tokens: usage.prompt_tokens, input_tokens_details: usage.prompt_tokens_details },
      ...{ output_tokens: usage.completion_tokens, output_tokens_details: { reasoning_tokens: 0 } },
      total_tokens: usage.total_tokens,
    },
    ...{ metadata: {}, seed: options.seed, system_fingerprint: fingerprint },
  };
}

function statusOf(result: ChoiceResult | null): "in_progress" | "completed" | "incomplete" {
  if (!result) return "in_progress";
  return result.completion.finishReason === "stop" ? "completed" : "incomplete";
}

function messageItem(
  { messageId: id }: ResponseParts,
  result: ChoiceResult | null,
  text: string,
  logprobs: TextLogprobs,
) {
  const content = result ? [textPart(text, logprobs)] : [];
  return { type: "message", id, status: statusOf(result), role: "assistant", content };
}

function textPart(text: string, logprobs: TextLogprobs) {
  return { type: "output_text", text, annotations: [], logprobs };
}

/** The events of a stream; each has the next number. */
export class ResponseEvents {
  readonly #parts: ResponseParts;
  #next = 0;

  constructor(parts: ResponseParts) {
    this.#parts = parts;
  }

  begin(): unknown[] {
    const response = responseObject(this.#parts, null, []);
    return [
      this.#event("response.created", { response }),
      this.#event("response.in_progress", { response }),
      this.#event("response.output_item.added", { output_index: 0, item: messageItem(this.#parts, null, "", []) }),
      this.#event("response.content_part.added", { ...this.#place(), part: textPart("", []) }),
    ];
  }

  delta(delta: string, logprobs: TextLogprobs): unknown {
    return this.#event("response.output_text.delta", { ...this.#place(), delta, logprobs });
  }

  end(result: ChoiceResult, logprobs: TextLogprobs): unknown[] {
    const { text } = result.completion;
    const item = messageItem(this.#parts, result, text, logprobs);
    const response = responseObject(this.#parts, result, logprobs);
    return [
      this.#event("response.output_text.done", { ...this.#place(), text, logprobs }),
      this.#event("response.content_part.done", { ...this.#place(), part: textPart(text, logprobs) }),
      this.#event("response.output_item.done", { output_index: 0, item }),
      this.#event(`response.${response.status}`, { response }),
    ];
  }

  error({ message, code, param }: Record<string, unknown>): unknown {
    return this.#event("error", { code, message, param });
  }

  #place() {
    return { item_id: this.#parts.messageId, output_index: 0, content_index: 0 };
  }

  #event(type: string, fields: Record<string, unknown>): unknown {
    return { type, sequence_number: this.#next++, ...fields };
  }
}
