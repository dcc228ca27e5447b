/** The answer of /v1/responses as an object, at its begin and at its end, and the events of its stream. Does not know how answers are made. */
import type { AnswerPart, RequestOptions } from "../../index.js";
import type { ResponseRequest } from "../schema/response-request.js";
import type { ChoiceResult } from "../serving/run-choices.js";
import {
  type ItemStatus,
  itemObject,
  type OutputItem,
  OutputItems,
  type TextLogprobs,
  textPart,
} from "./response-items.js";
import { usageOf } from "./usage.js";

export interface ResponseParts {
  id: string;
  messageId: string;
  createdAt: number;
  model: string;
  request: ResponseRequest;
  options: RequestOptions & { seed: number };
  fingerprint: string;
  /** Whether the answer may have calls, and so may have no message. */
  hasTools: boolean;
}

/** An end of an answer: the parts that its text has, and the log-probabilities of its tokens. */
export interface AnswerEnd {
  result: ChoiceResult;
  logprobs: TextLogprobs;
}

/** The whole answer. */
export function wholeResponse(parts: ResponseParts, answer: readonly AnswerPart[], end: AnswerEnd) {
  const items = new OutputItems(parts.messageId);
  for (const part of answer) items.add(part);
  if (items.all.length === 0) items.message();
  return responseObject(parts, items.all, end);
}

/** The answer before its text, and with it. `end`: null while it is being written. */
function responseObject(parts: ResponseParts, items: readonly OutputItem[], end: AnswerEnd | null) {
  const { id, createdAt, model, request, options, fingerprint } = parts;
  const status = statusOf(end);
  const usage = end && usageOf([end.result], [end.result], 0);
  return {
    ...{ id, object: "response", created_at: createdAt, status },
    ...(status === "completed" && { completed_at: Math.floor(Date.now() / 1000) }),
    incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
    ...{ error: null, instructions: request.instructions ?? null },
    ...{ max_output_tokens: request.max_output_tokens ?? null, model },
    output: end ? outputOf(items, end) : [],
    ...{ parallel_tool_calls: request.parallel_tool_calls ?? parts.hasTools, previous_response_id: null, store: false },
    ...{ temperature: options.temperature, text: { format: request.text?.format ?? { type: "text" } } },
    tool_choice: request.tool_choice ?? (parts.hasTools ? "auto" : "none"),
    ...{ tools: request.tools ?? [], top_p: options.topP },
    ...{ top_logprobs: request.top_logprobs ?? 0, truncation: "disabled", background: false },
    usage: usage && {
      ...{ input_tokens: usage.prompt_tokens, input_tokens_details: usage.prompt_tokens_details },
      ...{ output_tokens: usage.completion_tokens, output_tokens_details: { reasoning_tokens: 0 } },
      total_tokens: usage.total_tokens,
    },
    ...{ metadata: {}, seed: options.seed, system_fingerprint: fingerprint },
  };
}

/** Only the last item can be incomplete. The first message has the log-probabilities. */
function outputOf(items: readonly OutputItem[], end: AnswerEnd) {
  const first = items.find(({ kind }) => kind === "message");
  return items.map((item, i) => {
    const status = i === items.length - 1 ? statusOf(end) : "completed";
    return itemObject(item, status, item === first ? end.logprobs : []);
  });
}

function statusOf(end: AnswerEnd | null): ItemStatus {
  if (!end) return "in_progress";
  return end.result.completion.finishReason === "stop" ? "completed" : "incomplete";
}

/** The events of a stream; each has the next number. */
export class ResponseEvents {
  readonly #parts: ResponseParts;
  readonly #items: OutputItems;
  #next = 0;

  constructor(parts: ResponseParts) {
    this.#parts = parts;
    this.#items = new OutputItems(parts.messageId);
  }

  begin(): unknown[] {
    const response = responseObject(this.#parts, [], null);
    const events = [this.#event("response.created", { response }), this.#event("response.in_progress", { response })];
    // Whether an answer begins with a text or a call is not known yet.
    return this.#parts.hasTools ? events : [...events, ...this.#open(this.#items.message())];
  }

  /** The events of a part of the answer. */
  part(part: AnswerPart, logprobs: TextLogprobs): unknown[] {
    const before = this.#items.all.at(-1);
    const { item, isNew } = this.#items.add(part);
    const events = isNew ? [...(before ? this.#close(before, "completed", []) : []), ...this.#open(item)] : [];
    if (part.kind === "text") {
      const { text: delta } = part;
      return [...events, this.#event("response.output_text.delta", { ...this.#textPlace(item), delta, logprobs })];
    }
    if (part.kind === "call") return events;
    const { text: delta } = part;
    return [...events, this.#event("response.function_call_arguments.delta", { ...this.#place(item), delta })];
  }

  end(end: AnswerEnd): unknown[] {
    const { all } = this.#items;
    const events = all.length === 0 ? this.#open(this.#items.message()) : [];
    const response = responseObject(this.#parts, all, end);
    const isFirst = all.length === 1;
    return [
      ...events,
      ...this.#close(all.at(-1)!, statusOf(end), isFirst ? end.logprobs : []),
      this.#event(`response.${response.status}`, { response }),
    ];
  }

  error({ message, code, param }: Record<string, unknown>): unknown {
    return this.#event("error", { code, message, param });
  }

  #open(item: OutputItem): unknown[] {
    const { output_index } = this.#place(item);
    const added = { output_index, item: itemObject(item, "in_progress", []) };
    const opened = this.#event("response.output_item.added", added);
    if (item.kind === "call") return [opened];
    return [opened, this.#event("response.content_part.added", { ...this.#textPlace(item), part: textPart("", []) })];
  }

  #close(item: OutputItem, status: ItemStatus, logprobs: TextLogprobs): unknown[] {
    const { output_index } = this.#place(item);
    const done = () =>
      this.#event("response.output_item.done", { output_index, item: itemObject(item, status, logprobs) });
    if (item.kind === "call") {
      const { name, arguments: json } = item.call.function;
      const fields = { ...this.#place(item), name, arguments: json };
      return [this.#event("response.function_call_arguments.done", fields), done()];
    }
    const { text } = item;
    return [
      this.#event("response.output_text.done", { ...this.#textPlace(item), text, logprobs }),
      this.#event("response.content_part.done", { ...this.#textPlace(item), part: textPart(text, logprobs) }),
      done(),
    ];
  }

  #place(item: OutputItem) {
    return { item_id: item.id, output_index: this.#items.all.indexOf(item) };
  }

  #textPlace(item: OutputItem) {
    return { ...this.#place(item), content_index: 0 };
  }

  #event(type: string, fields: Record<string, unknown>): unknown {
    return { type, sequence_number: this.#next++, ...fields };
  }
}
