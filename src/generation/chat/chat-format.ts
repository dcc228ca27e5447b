/** The interface of a chat format: how to write a conversation as tokens. Each format has its own file. */
import { LlamaError } from "../../error.js";
import type { TemplateTools } from "../tools/call-form.js";
import type { Tool } from "../tools/tool.js";
import type { Dialog } from "./dialog.js";
import type { DialogEnding } from "./dialog-ending.js";

export const CHAT_NAMES = ["template", "llama2", "llama3", "none"] as const;
export type ChatName = (typeof CHAT_NAMES)[number];

/**
 * Which format to use. "template": the model's own chat template. "auto": the template if the model has one, else Meta's format,
 * which a conversation uses for chat models only. "text": a dialog as lines of one text, for models that only continue text.
 * An object: a Jinja template, for example of another model.
 */
export type ChatChoice = "auto" | ChatName | "text" | { readonly template: string };

/** A user message and the model's answer. The ids of an answer are those that were generated, whatever its text would encode to. */
export interface Turn {
  user: string;
  answer: string;
  answerIds: number[];
}

export interface ChatFormat {
  readonly name: ChatName;
  /** SHA-256 of the template's source; null for other formats. */
  readonly templateHash: string | null;
  /** Tokens that end an answer, beside the model's own stops. */
  readonly stopIds: ReadonlySet<number>;
  /**
   * The ids of a whole dialog, by default up to the start of the answer: as in Meta's code, or as in transformers'
   * apply_chat_template(). Answers with ids keep them. Throws LlamaError (usage) for what that code refuses, and for tools and
   * calls where `tools` is not of the kind "calls".
   */
  encodeDialog(dialog: Dialog, ending?: DialogEnding, tools?: readonly Tool[]): number[];
  /** What it does with tools. */
  readonly tools: TemplateTools;
  /** The ids of turns and a message that follows them, up to the start of the answer. The ids of the answers are kept where the format keeps their text. */
  encodeConversation(turns: readonly Turn[], user: string, system: string | null): number[];
  /** The ids of an answer known only as text. */
  encodeAnswer(text: string): number[];
  /** Meta's error text if a text is not allowed in a dialog, else null. */
  refusal(texts: readonly string[]): string | null;
}

export const NO_STOPS: ReadonlySet<number> = new Set();
/** Of formats that know no tools. */
export const NO_TOOLS: TemplateTools = { kind: "none" };

/** Throws LlamaError (usage) for tools or calls in a format that cannot write them. */
export function checkTools({ name, tools: known }: ChatFormat, dialog: Dialog, tools: readonly object[] | null): void {
  if (known.kind === "calls") return;
  const message = dialog.findIndex(({ tool_calls: calls }) => calls !== undefined);
  if (tools === null && message < 0) return;
  const where = tools === null ? `messages[${message}].tool_calls` : "tools";
  if (known.kind === "unreadable") {
    throw new LlamaError("usage", "the chat template of this model writes calls in a form that is not supported", {
      where,
      expected: "a JSON object of name and arguments, with or without tags such as <tool_call>",
      found: known.found,
    });
  }
  const format = name === "template" ? "the chat template of this model" : `the chat format ${name}`;
  throw new LlamaError("usage", `${format} knows no tools`, {
    where,
    fix: "Leave them out, or use a model whose template has them",
  });
}

/** Throws LlamaError (usage) if a text is not allowed in a dialog. */
export function checkTexts(format: ChatFormat, texts: readonly string[]): void {
  const refusal = format.refusal(texts);
  if (refusal !== null) throw new LlamaError("usage", refusal.replace(/^Error: /, "").replace(/\.$/, ""));
}
