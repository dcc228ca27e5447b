/** The interface of a chat format: how to write a conversation as tokens. Each format has its own file. */
import { LlamaError } from "../../error.js";
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
   * apply_chat_template(). Answers with ids keep them. Throws LlamaError (usage) for what that code refuses.
   */
  encodeDialog(dialog: Dialog, ending?: DialogEnding): number[];
  /** The ids of turns and a message that follows them, up to the start of the answer. The ids of the answers are kept where the format keeps their text. */
  encodeConversation(turns: readonly Turn[], user: string, system: string | null): number[];
  /** The ids of an answer known only as text. */
  encodeAnswer(text: string): number[];
  /** Meta's error text if a text is not allowed in a dialog, else null. */
  refusal(texts: readonly string[]): string | null;
}

export const NO_STOPS: ReadonlySet<number> = new Set();

/** Throws LlamaError (usage) if a text is not allowed in a dialog. */
export function checkTexts(format: ChatFormat, texts: readonly string[]): void {
  const refusal = format.refusal(texts);
  if (refusal !== null) throw new LlamaError("usage", refusal.replace(/^Error: /, "").replace(/\.$/, ""));
}
