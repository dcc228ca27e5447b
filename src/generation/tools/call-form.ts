/**
 * How a chat template writes tools and calls: found out by rendering, as templates have no other description of it.
 * Does not know tokens or grammars.
 */
import { LlamaError } from "../../error.js";
import { isObject } from "../../formats/files/json-value.js";
import type { ChatTemplate, TemplateMessage } from "../template/chat-template.js";
import type { Tool } from "./tool.js";

/** A call is `open`, {"name": NAME, KEY: ARGUMENTS} and `close`, as in Hermes' format: <tool_call> and </tool_call>. In Llama 3's both are empty. */
export interface CallForm {
  readonly open: string;
  readonly close: string;
  /** Between two calls of one answer; null: the template writes one call only. */
  readonly between: string | null;
  readonly argumentsKey: "arguments" | "parameters";
}

/** What a template does with tools: it does not know them, writes calls in a form that cannot be read here, or in one that can. */
export type TemplateTools =
  | { kind: "none" }
  | { kind: "unreadable"; found: string }
  | { kind: "calls"; form: CallForm };

/** A name and an argument that occur in no template. */
const NAME = "zq_tool_xj";
const ARGUMENTS = { zq_key_xj: "zq_value_xj" };

const TOOL: Tool = {
  type: "function",
  function: {
    name: NAME,
    description: "A tool.",
    parameters: {
      type: "object",
      properties: { zq_key_xj: { type: "string", description: "A text." } },
      required: ["zq_key_xj"],
    },
  },
};

const QUESTION: TemplateMessage = { role: "user", content: "question" };

/** Finds out what a template does with tools. */
export function templateTools(template: ChatTemplate): TemplateTools {
  const prompt = rendered(template, [QUESTION], true);
  if (prompt === null || !prompt.includes(NAME)) return { kind: "none" };
  const one = rendered(template, [QUESTION, answerWith(1)], false);
  if (one === null) return { kind: "none" };
  const [call] = objectsOf(one);
  // A template that does not write the call of an answer cannot take its result back.
  if (call === undefined) return one.includes(NAME, prompt.length) ? unreadable(one, prompt) : { kind: "none" };
  const key = keyOf(call.value);
  // A prompt that begins the model's thoughts is not the beginning of an answer without any.
  const before = one.startsWith(prompt) ? prompt : rendered(template, [QUESTION], false);
  if (key === null || before === null || !one.startsWith(before)) return unreadable(one, prompt);
  const lead = one.slice(before.length, call.start);
  const open = /<[A-Za-z_|]+>\s*$/.exec(lead)?.[0] ?? "";
  const close = open === "" ? "" : (/^\s*<\/[A-Za-z_|]+>/.exec(one.slice(call.end))?.[0] ?? "");
  const isTagged = open !== "" && close !== "";
  const isBare = open === "" && lead.trim() === "" && before === prompt;
  if (!isTagged && !isBare) return unreadable(one, prompt);
  const two = isTagged ? rendered(template, [QUESTION, answerWith(2)], false) : null;
  const [first, second] = two === null ? [] : objectsOf(two);
  const gap = first && second ? two!.slice(first.end, second.start) : "";
  const isGap = isTagged && gap.startsWith(close) && gap.endsWith(open) && gap.length >= close.length + open.length;
  const between = isGap ? gap.slice(close.length, gap.length - open.length) : null;
  return { kind: "calls", form: { open, close, between, argumentsKey: key } };
}

function answerWith(count: number): TemplateMessage {
  const call = (i: number) => ({
    id: `call${i}0000`,
    type: "function" as const,
    function: { name: NAME, arguments: ARGUMENTS },
  });
  return { role: "assistant", content: "", tool_calls: Array.from({ length: count }, (_, i) => call(i)) };
}

function rendered(template: ChatTemplate, messages: readonly TemplateMessage[], starts: boolean): string | null {
  try {
    return template.render(messages, starts, new Date(0), [TOOL]);
  } catch (error) {
    if (error instanceof LlamaError && error.kind === "usage") return null;
    throw error;
  }
}

/** The JSON objects that have the tool's name and the argument. */
function objectsOf(text: string): { value: Record<string, unknown>; start: number; end: number }[] {
  const found = [];
  for (let start = text.indexOf("{"); start >= 0; start = text.indexOf("{", start + 1)) {
    const end = objectEnd(text, start);
    const value = end < 0 ? null : parsed(text.slice(start, end));
    if (!isObject(value) || value.name !== NAME || keyOf(value) === null) continue;
    found.push({ value, start, end });
    start = end - 1;
  }
  return found;
}

/** Where an object ends whose strings have no braces; -1: nowhere. */
function objectEnd(text: string, start: number): number {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if (text[i] === "{") depth++;
    if (text[i] === "}" && --depth === 0) return i + 1;
  }
  return -1;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The key of the arguments in a call that has no other keys than its name. */
function keyOf(call: Record<string, unknown>): "arguments" | "parameters" | null {
  const key = "arguments" in call ? "arguments" : "parameters";
  const isWhole = JSON.stringify(call[key]) === JSON.stringify(ARGUMENTS) && Object.keys(call).length === 2;
  return isWhole ? key : null;
}

function unreadable(text: string, prompt: string): TemplateTools {
  const answer = text.startsWith(prompt) ? text.slice(prompt.length) : text.slice(-200);
  const found = answer.replaceAll(NAME, "NAME").replaceAll(JSON.stringify(ARGUMENTS), "ARGUMENTS");
  return { kind: "unreadable", found: found.trim().slice(0, 120) };
}
