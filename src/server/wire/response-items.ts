/** The items of an answer of /v1/responses: messages and calls of functions, in the order in which they are written. Does not know events. */
import type { AnswerPart, ToolCall } from "../../index.js";
import { newId } from "../http/ids.js";
import type { ChatLogprobs } from "./logprobs.js";

export type TextLogprobs = ChatLogprobs["content"];
export type ItemStatus = "in_progress" | "completed" | "incomplete";

export type OutputItem = { kind: "message"; id: string; text: string } | { kind: "call"; id: string; call: ToolCall };

export class OutputItems {
  readonly all: OutputItem[] = [];
  readonly #messageId: string;

  /** `messageId`: of the first message. */
  constructor(messageId: string) {
    this.#messageId = messageId;
  }

  /** Adds a part of the answer to its item; returns that, and whether it is new. */
  add(part: AnswerPart): { item: OutputItem; isNew: boolean } {
    const last = this.all.at(-1);
    if (part.kind === "text") {
      const item = last?.kind === "message" ? last : this.message();
      item.text += part.text;
      return { item, isNew: item !== last };
    }
    if (part.kind === "arguments") {
      // The call before it.
      const item = last as OutputItem & { kind: "call" };
      item.call.function.arguments += part.text;
      return { item, isNew: false };
    }
    const { id, name } = part;
    const call: ToolCall = { id, type: "function", function: { name, arguments: "" } };
    const item: OutputItem = { kind: "call", id: newId("fc_"), call };
    this.all.push(item);
    return { item, isNew: true };
  }

  /** A message without a text yet. */
  message(): OutputItem & { kind: "message" } {
    const isFirst = !this.all.some(({ kind }) => kind === "message");
    const item = { kind: "message" as const, id: isFirst ? this.#messageId : newId("msg_"), text: "" };
    this.all.push(item);
    return item;
  }
}

/** An item as JSON. A message that has begun has no content yet. */
export function itemObject(item: OutputItem, status: ItemStatus, logprobs: TextLogprobs): Record<string, unknown> {
  const { id } = item;
  if (item.kind === "call") {
    const { name, arguments: json } = item.call.function;
    return { type: "function_call", id, call_id: item.call.id, name, arguments: json, status };
  }
  const content = status === "in_progress" ? [] : [textPart(item.text, logprobs)];
  return { type: "message", id, status, role: "assistant", content };
}

export function textPart(text: string, logprobs: TextLogprobs) {
  return { type: "output_text", text, annotations: [], logprobs };
}
