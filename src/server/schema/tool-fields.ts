/** The fields of a request about tools, in the forms of chat completions and of responses. Does not know chat templates. */
import Type, { type Static } from "typebox";
import type { ToolChoice, ToolInput } from "../../index.js";
import { invalid, unsupported } from "../http/api-error.js";
import { FLAG } from "./sampling-fields.js";

const optional = Type.Optional;

export const TOOL_FIELDS = {
  // Their parts are checked by the library, whose errors name the place.
  tools: optional(Type.Array(Type.Unknown(), { title: "a list of tools" })),
  tool_choice: optional(
    Type.Union([Type.String(), Type.Object({ type: Type.String() })], {
      title: 'none, auto, required or {"type": "function", ...}',
    }),
  ),
  parallel_tool_calls: optional(FLAG),
};

const FIELDS = Type.Object(TOOL_FIELDS);
export type ToolFields = Static<typeof FIELDS>;

/** The tools that an answer may call, and whether it must. */
export interface AskedTools {
  tools: ToolInput[];
  choice: ToolChoice;
  isParallel: boolean;
}

/** What a request says of tools; null: nothing. Throws ApiError for a choice that is wrong. */
export function askedTools({ tools = [], tool_choice, parallel_tool_calls }: ToolFields): AskedTools | null {
  const choice = choiceOf(tool_choice);
  if (tools.length === 0) {
    if (choice === "none" || choice === "auto") return null;
    throw invalid("tool_choice needs tools", "tool_choice");
  }
  for (const [i, tool] of tools.entries()) {
    const type = (tool as { type?: unknown } | null)?.type;
    if (typeof type === "string" && type !== "function") {
      throw unsupported(`tools[${i}].type`, `${type.slice(0, 40)}: this server knows functions only`);
    }
  }
  return { tools: tools as ToolInput[], choice, isParallel: parallel_tool_calls ?? true };
}

const WORDS = ["none", "auto", "required"] as const;

function choiceOf(choice: ToolFields["tool_choice"] = "auto"): ToolChoice {
  const where = "tool_choice";
  if (typeof choice === "string") {
    // Mistral's word.
    const word = choice === "any" ? "required" : WORDS.find((one) => one === choice);
    if (word !== undefined) return word;
    throw invalid(`${where} must be none, auto, required or a function`, where);
  }
  if (choice.type !== "function") throw unsupported(`${where}.type`, "the only type is function");
  const { name: flat, function: own } = choice as { name?: unknown; function?: { name?: unknown } | null };
  const name = own?.name ?? flat;
  if (typeof name !== "string") throw invalid(`${where}.function.name must be a string`, `${where}.function.name`);
  return { name };
}

/** Tools of /v1/responses in the form of chats: there, a tool has no object of its own for the function. */
export function nestedTools(tools: readonly unknown[]): unknown[] {
  return tools.map((tool) => {
    if (typeof tool !== "object" || tool === null || "function" in tool) return tool;
    const { type, ...own } = tool as Record<string, unknown>;
    return { type, ...(type === "function" && { function: own }) };
  });
}
