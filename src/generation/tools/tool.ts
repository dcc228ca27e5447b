/** The types of tools and of their calls, as in OpenAI's API, and the check of tools from outside. Does not know templates or tokens. */
import { LlamaError } from "../../error.js";
import { isObject, showValue } from "../../formats/files/json-value.js";

/** A function that the model may ask for. */
export interface Tool {
  type: "function";
  function: {
    name: string;
    description?: string;
    /** A JSON Schema of its arguments, of type object. */
    parameters: object;
    /** Whether parts of the schema that cannot be bound are refused; otherwise such arguments are any JSON object. */
    strict?: boolean;
  };
}

/** A tool as it may be given; one without parameters takes none. */
export type ToolInput = Omit<Tool, "function"> & {
  function: Omit<Tool["function"], "parameters"> & { parameters?: object };
};

/** "auto": the model chooses between a text and calls; "required": at least one call; a name: a call of that tool; "none": a text. */
export type ToolChoice = "auto" | "none" | "required" | { readonly name: string };

/** A call in an answer. `arguments` is JSON; the model may have been cut off within it. */
export interface ToolCall {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

/** Bounds of what one request may bring: each tool becomes a part of the prompt and of a grammar. */
export const MAX_TOOLS = 128;
const MAX_NAME = 64;
const MAX_SIZE = 256 * 1024;
const MAX_DEPTH = 64;
const NAME = new RegExp(`^[A-Za-z0-9_.-]{1,${MAX_NAME}}$`);
const FUNCTION_KEYS = ["name", "description", "parameters", "strict"];

/** Checked tools, their keys in the order in which they were given. Throws LlamaError (usage) that names the tool and its key. */
export function readTools(tools: unknown, where = "tools"): Tool[] {
  if (!Array.isArray(tools)) throw wrong(where, "a list of tools", tools);
  if (tools.length > MAX_TOOLS) {
    throw new LlamaError("usage", "too many tools", {
      where,
      expected: `at most ${MAX_TOOLS}`,
      found: String(tools.length),
    });
  }
  const size = sizeOf(tools, where);
  if (size > MAX_SIZE) {
    const expected = `at most ${MAX_SIZE} characters of JSON`;
    throw new LlamaError("usage", "the tools are too long", { where, expected, found: String(size) });
  }
  const read = tools.map((tool: unknown, i) => readTool(tool, `${where}[${i}]`));
  const names = read.map((tool) => tool.function.name);
  const twice = names.findIndex((name, i) => names.indexOf(name) < i);
  if (twice >= 0) {
    const at = `${where}[${twice}].function.name`;
    throw new LlamaError("usage", "two tools have one name", { where: at, found: names[twice]! });
  }
  return read;
}

function readTool(tool: unknown, where: string): Tool {
  if (!isObject(tool)) throw wrong(where, '{"type": "function", "function": ...}', tool);
  if (tool.type !== "function") throw wrong(`${where}.type`, '"function"', tool.type);
  const { function: own } = tool;
  if (!isObject(own)) throw wrong(`${where}.function`, '{"name": ..., "parameters": ...}', own);
  const at = `${where}.function`;
  const unknown = Object.keys(own).find((key) => !FUNCTION_KEYS.includes(key));
  if (unknown !== undefined) {
    throw new LlamaError("usage", "unknown key", { where: `${at}.${unknown}`, expected: FUNCTION_KEYS.join(", ") });
  }
  const { name, description, parameters, strict } = own;
  if (typeof name !== "string" || !NAME.test(name)) {
    throw wrong(`${at}.name`, `1 to ${MAX_NAME} letters, digits, "_", "." and "-"`, name);
  }
  if ((description ?? null) !== null && typeof description !== "string") {
    throw wrong(`${at}.description`, "a string", description);
  }
  if ((strict ?? null) !== null && typeof strict !== "boolean") throw wrong(`${at}.strict`, "true or false", strict);
  if ((parameters ?? null) !== null && !isObject(parameters)) throw wrong(`${at}.parameters`, "a schema", parameters);
  const type = isObject(parameters) ? (parameters.type ?? "object") : "object";
  if (type !== "object") throw wrong(`${at}.parameters.type`, '"object"', type);
  const kept = Object.entries(own).filter(([key, value]) => key !== "parameters" && (value ?? null) !== null);
  const schema = isObject(parameters) ? parameters : { type: "object", properties: {} };
  return { type: "function", function: { ...(Object.fromEntries(kept) as { name: string }), parameters: schema } };
}

/** Length as JSON. A value that is too deep or has no JSON is refused. */
function sizeOf(value: unknown, where: string): number {
  checkDepth(value, where);
  try {
    return JSON.stringify(value).length;
  } catch (cause) {
    throw new LlamaError("usage", "cannot be written as JSON", { where, cause });
  }
}

/** Throws LlamaError (usage) for a value that is nested more deeply than any program needs. */
export function checkDepth(value: unknown, where: string, left = MAX_DEPTH): void {
  if (typeof value !== "object" || value === null) return;
  if (left === 0) throw new LlamaError("usage", "is nested too deeply", { where, expected: `at most ${MAX_DEPTH}` });
  for (const one of Object.values(value)) checkDepth(one, where, left - 1);
}

function wrong(where: string, expected: string, value: unknown): LlamaError {
  const found = value === undefined ? "nothing" : showValue(value);
  return new LlamaError("usage", "has the wrong form", { where, expected, found });
}
