/** How a conversation is written as tokens: what every chat format offers. The formats are files of their own. */
import { LlamaError } from "../../error.js";
import type { Dialog } from "./dialog.js";

export type ChatName = "none" | "llama2" | "llama3";

export interface ChatFormat {
  readonly name: ChatName;
  /** Meta's ids of a whole dialog, up to where the answer begins; throws LlamaError where Meta's code asserts. */
  encodeDialog(dialog: Dialog): number[];
  /** The ids of a user's turn, up to where the answer begins; the system's text stands in the first. */
  openTurn(text: string, system: string | null, isFirst: boolean): number[];
  /** The ids that end an answer when another turn follows. */
  closeTurn(answerIds: readonly number[]): number[];
  /** The ids of an answer that is known as text only. */
  encodeAnswer(text: string): number[];
  /** Meta's error text for text that may not stand in a dialog, or null. */
  refusal(texts: readonly string[]): string | null;
}

/** Throws LlamaError (usage) for texts that may not stand in a dialog. */
export function checkTexts(format: ChatFormat, texts: readonly string[]): void {
  const refusal = format.refusal(texts);
  if (refusal !== null) throw new LlamaError("usage", refusal.replace(/^Error: /, "").replace(/\.$/, ""));
}
