/** What tools mean for an answer: the form that binds it, and the reader of its calls. Does not know models or messages. */
import { LlamaError } from "../../error.js";
import type { Form, TagFormat } from "../form/form.js";
import type { TemplateTools } from "./call-form.js";
import { callGrammar } from "./call-grammar.js";
import { CallReader } from "./call-reader.js";
import { readTools, type Tool, type ToolChoice, type ToolInput } from "./tool.js";

export interface ToolUseOptions {
  /** Default "auto". */
  choice?: ToolChoice;
  /** Whether an answer may have several calls, where the template writes them. Default true. */
  isParallel?: boolean;
  /** The form of an answer without calls, with "auto" and "none". */
  form?: Form;
}

export interface ToolUse {
  /** Binds the answer; null: any text. */
  readonly form: Form | null;
  /** Reads an answer; `newId` makes the id of a call. null where no call is allowed. */
  reader(newId: () => string): CallReader | null;
}

/** `known`: what the chat format does with tools; `check` throws LlamaError (usage) for a schema that cannot be bound. Throws LlamaError (usage) that names the place. */
export function toolUse(
  known: TemplateTools,
  input: readonly ToolInput[],
  { choice = "auto", isParallel = true, form }: ToolUseOptions,
  check: (schema: object, where: string) => void,
): ToolUse {
  // Whoever asks has checked that the format knows tools.
  if (known.kind !== "calls") throw new LlamaError("usage", "the chat format knows no tools", { where: "tools" });
  const tools = readTools(input);
  const names = tools.map((tool) => tool.function.name);
  if (tools.length === 0) throw new LlamaError("usage", "there are no tools", { where: "tools" });
  if (typeof choice === "object" && !names.includes(choice.name)) {
    const expected = names.slice(0, 8).join(", ");
    throw new LlamaError("usage", "there is no such tool", { where: "tool_choice", expected, found: choice.name });
  }
  const schemas = new Map(tools.map((tool, i) => [tool, boundSchema(tool, `tools[${i}].function.parameters`, check)]));
  const options = { isParallel, form: known.form, schemaOf: (tool: Tool) => schemas.get(tool)! };
  const text = form === undefined ? null : formatOf(form);
  const structuralTag = callGrammar(tools, choice, options, text);
  return {
    form: choice === "none" && form !== undefined ? form : structuralTag && { structuralTag },
    reader: (newId) => (choice === "none" ? null : new CallReader(known.form, newId)),
  };
}

/** The schema of a tool's arguments; any object for one that cannot be bound and need not be. */
function boundSchema({ function: own }: Tool, where: string, check: (schema: object, where: string) => void): object {
  const schema = withoutOthers({ type: "object", ...own.parameters });
  try {
    check(schema, where);
    return schema;
  } catch (error) {
    const isOwn = error instanceof LlamaError && error.kind === "usage";
    if (!isOwn || own.strict === true) throw error;
    return { type: "object" };
  }
}

/** Keywords beside which `additionalProperties` would forbid what they allow. */
const BRANCHES = ["$ref", "allOf", "anyOf", "oneOf", "patternProperties", "unevaluatedProperties"];

/** A function has the parameters that it names: models invent others where a schema lets them. */
function withoutOthers(schema: object): object {
  if (BRANCHES.some((key) => key in schema)) return schema;
  return { additionalProperties: false, ...schema };
}

/** A form as a part of a structural tag. */
function formatOf(form: Form): TagFormat {
  if ("jsonSchema" in form) return { type: "json_schema", json_schema: form.jsonSchema };
  if ("jsonObject" in form) return { type: "json_schema", json_schema: { type: "object" } };
  if ("regex" in form) return { type: "regex", pattern: form.regex };
  if ("grammar" in form) return { type: "grammar", grammar: form.grammar };
  return form.structuralTag;
}
