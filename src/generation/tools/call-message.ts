/** Calls and results in messages: their check, and their form for chat templates. Does not know how templates write them. */
import { LlamaError } from "../../error.js";
import { isObject, showValue } from "../../formats/files/json-value.js";
import type { TemplateMessage } from "../template/chat-template.js";
import { checkDepth, type ToolCall } from "./tool.js";

/** Calls in one message at most. */
const MAX_CALLS = 128;

/** The calls of a message; null if it has none. Arguments may be given as an object too. Throws LlamaError (usage) that names the place. */
export function readCalls(calls: unknown, where: string): ToolCall[] | null {
  if ((calls ?? null) === null) return null;
  if (!Array.isArray(calls)) throw wrong(where, "a list of calls", calls);
  if (calls.length > MAX_CALLS) throw wrong(where, `at most ${MAX_CALLS} calls`, calls);
  if (calls.length === 0) return null;
  return calls.map((call: unknown, i) => {
    const at = `${where}[${i}]`;
    if (!isObject(call)) throw wrong(at, '{"id": ..., "type": "function", "function": ...}', call);
    const { id = "", type = "function", function: own } = call;
    if (typeof id !== "string") throw wrong(`${at}.id`, "a string", id);
    if (type !== "function") throw wrong(`${at}.type`, '"function"', type);
    if (!isObject(own)) throw wrong(`${at}.function`, '{"name": ..., "arguments": ...}', own);
    const { name, arguments: given } = own;
    if (typeof name !== "string" || name === "") throw wrong(`${at}.function.name`, "a name", name);
    const value = argumentsOf(given, `${at}.function.arguments`);
    return { id, type: "function", function: { name, arguments: value } };
  });
}

/** The JSON of arguments, which are those of an object: templates write that. */
function argumentsOf(given: unknown, where: string): string {
  if (typeof given !== "string" && !isObject(given)) throw wrong(where, "the JSON of an object", given);
  const value = typeof given === "string" ? parsed(given.trim() === "" ? "{}" : given) : given;
  if (!isObject(value)) throw new LlamaError("usage", "are not the JSON of an object", { where });
  checkDepth(value, where);
  return typeof given === "string" && given.trim() !== "" ? given : JSON.stringify(value);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

interface CallingMessage {
  readonly tool_calls?: readonly ToolCall[];
  readonly tool_call_id?: string;
  readonly name?: string;
}

/** What a message has beside its role and text, for a template: arguments as objects, and the name of the tool that a result is of. `mark` is applied to every text. */
export function templateParts(
  message: CallingMessage,
  before: readonly CallingMessage[],
  mark: (text: string) => string,
): Omit<TemplateMessage, "role" | "content"> {
  const { tool_calls: calls, tool_call_id: id } = message;
  const name = message.name ?? (id === undefined ? undefined : nameOf(id, before));
  return {
    ...(calls && {
      tool_calls: calls.map((call) => ({
        ...{ id: call.id, type: "function" as const },
        function: {
          name: mark(call.function.name),
          arguments: markDeep(JSON.parse(call.function.arguments), mark) as object,
        },
      })),
    }),
    ...(id !== undefined && { tool_call_id: id }),
    ...(name !== undefined && { name: mark(name) }),
  };
}

/** The tool of the last call with an id. */
function nameOf(id: string, before: readonly CallingMessage[]): string | undefined {
  const calls = before.flatMap(({ tool_calls = [] }) => tool_calls);
  return calls.findLast((call) => call.id === id)?.function.name;
}

/** A JSON value with every text in it changed, its keys too. */
export function markDeep(value: unknown, mark: (text: string) => string): unknown {
  if (typeof value === "string") return mark(value);
  if (Array.isArray(value)) return value.map((one) => markDeep(one, mark));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [mark(key), markDeep(one, mark)]));
}

function wrong(where: string, expected: string, value: unknown): LlamaError {
  const found = value === undefined ? "nothing" : showValue(value);
  return new LlamaError("usage", "has the wrong form", { where, expected, found });
}
