/** The interface of a chat format: how to write a conversation as tokens. Each format has its own file. */
import { LlamaError } from "../../error.js";
import type { Dialog } from "./dialog.js";

export type ChatName = "none" | "llama2" | "llama3";

export interface ChatFormat {
  readonly name: ChatName;
  /** The ids of a whole dialog as in Meta's code, up to the start of the answer; throws LlamaError (usage) where Meta's code asserts. */
  encodeDialog(dialog: Dialog): number[];
  /** The ids of a user's turn, up to the start of the answer; the first turn includes the system prompt. */
  openTurn(text: string, system: string | null, isFirst: boolean): number[];
  /** The ids that end an answer when another turn follows. */
  closeTurn(answerIds: readonly number[]): number[];
  /** The ids of an answer known only as text. */
  encodeAnswer(text: string): number[];
  /** Meta's error text if a text is not allowed in a dialog, else null. */
  refusal(texts: readonly string[]): string | null;
}

/** Throws LlamaError (usage) if a text is not allowed in a dialog. */
export function checkTexts(format: ChatFormat, texts: readonly string[]): void {
  const refusal = format.refusal(texts);
  if (refusal !== null) throw new LlamaError("usage", refusal.replace(/^Error: /, "").replace(/\.$/, ""));
}
