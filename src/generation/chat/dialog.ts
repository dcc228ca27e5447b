/** The types of a dialog, as in Meta's generation.py, and the check of dialogs from outside: messages with roles. Does not know formats or tokens. */
import { LlamaError } from "../../error.js";
import { isObject, showValue } from "../../formats/files/json-value.js";
import type { FinishReason } from "../sampling/options.js";
import { readCalls } from "../tools/call-message.js";
import type { ToolCall } from "../tools/tool.js";

export type Role = "system" | "user" | "assistant" | "tool" | "ipython" | "developer";

export interface Message {
  role: Role;
  content: string;
  /** An answer's own ids, which are kept instead of encoding its text again. */
  token_ids?: readonly number[];
  /** Of an answer: the calls that it makes. */
  tool_calls?: readonly ToolCall[];
  /** Of a result: the id of the call that it answers, and the tool's name. */
  tool_call_id?: string;
  name?: string;
}

export type Dialog = readonly Message[];

/** A part of a message's content, as in OpenAI's API. */
export interface TextPart {
  type: "text";
  text: string;
}

/** A dialog as it may be given: a content may be a list of text parts, which become lines of one text. An answer may be given by its ids alone. */
export type DialogInput = readonly {
  role: Role;
  content?: string | readonly TextPart[] | null;
  token_ids?: readonly number[];
  tool_calls?: readonly ToolCall[];
  tool_call_id?: string;
  name?: string;
}[];

/** The result of chatCompletion() for a dialog, as in Meta's generation.py: tokens and logprobs only if logprobs were requested. */
export interface ChatPrediction {
  generation: { role: "assistant"; content: string };
  finishReason: FinishReason;
  tokens?: string[];
  logprobs?: number[];
}

/** A dialog with plain contents. Throws LlamaError (usage) that names the message and its key. */
export function readDialog(messages: readonly unknown[]): Dialog {
  return messages.map((message, i) => {
    const where = `messages[${i}]`;
    if (!isObject(message)) throw wrong(where, '{"role": ..., "content": ...}', message);
    const { role, content, token_ids: tokenIds } = message;
    if (typeof role !== "string") throw wrong(`${where}.role`, "a string", role);
    if ((message.function_call ?? null) !== null) {
      throw new LlamaError("usage", "is the old form of a call", {
        where: `${where}.function_call`,
        expected: "tool_calls",
      });
    }
    const ids = tokenIds ?? undefined;
    if (ids !== undefined && !isIdList(ids)) throw wrong(`${where}.token_ids`, "a list of token ids", ids);
    const calls = readCalls(message.tool_calls, `${where}.tool_calls`);
    if (calls !== null && role !== "assistant") {
      throw new LlamaError("usage", "only answers call tools", { where: `${where}.tool_calls`, found: role });
    }
    if (calls !== null && ids !== undefined) {
      throw new LlamaError("usage", "an answer that calls tools is written by the template", {
        where: `${where}.token_ids`,
        fix: "Leave them out",
      });
    }
    // The text follows from the ids; calls need no text.
    const text = (ids || calls) && (content ?? null) === null ? "" : contentOf(content, `${where}.content`);
    const result = { ...textAt("tool_call_id", message, where), ...textAt("name", message, where) };
    return {
      ...{ role: role as Role, content: text, ...(ids && { token_ids: ids }), ...(calls && { tool_calls: calls }) },
      ...(RESULTS.includes(role) && result),
    };
  });
}

/** Roles of the results of calls. */
const RESULTS = ["tool", "ipython"];

function textAt(key: "tool_call_id" | "name", message: Record<string, unknown>, where: string): Partial<Message> {
  const value = message[key] ?? undefined;
  if (value === undefined) return {};
  if (typeof value !== "string") throw wrong(`${where}.${key}`, "a string", value);
  return { [key]: value };
}

function isIdList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((id) => typeof id === "number");
}

function contentOf(content: unknown, where: string): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) throw wrong(where, "a string or a list of text parts", content);
  const texts = content.map((part: unknown, i) => {
    if (!isObject(part)) throw wrong(`${where}[${i}]`, '{"type": "text", "text": ...}', part);
    if (part.type !== "text") throw wrong(`${where}[${i}].type`, '"text"', part.type);
    if (typeof part.text !== "string") throw wrong(`${where}[${i}].text`, "a string", part.text);
    return part.text;
  });
  return texts.join("\n");
}

function wrong(where: string, expected: string, value: unknown): LlamaError {
  const found = value === undefined ? "nothing" : showValue(value);
  return new LlamaError("usage", "has the wrong type", { where, expected, found });
}

const ROLES = ["system", "user", "assistant", "tool", "ipython"];

/** Throws LlamaError (usage) for a dialog without a message to answer, or with a role other than Meta's and `others`. */
export function checkRoles(dialog: Dialog, others: readonly string[] = []): void {
  if (dialog.length === 0) throw new LlamaError("usage", "the dialog has no messages");
  for (const [i, { role }] of dialog.entries()) {
    const known = [...ROLES, ...others];
    if (known.includes(role)) continue;
    const expected = `${known.slice(0, -1).join(", ")} or ${known.at(-1)}`;
    throw new LlamaError("usage", "unknown role", { where: `messages[${i}].role`, expected, found: role });
  }
}
