/** How a conversation is written as tokens, and which way belongs to a model. The formats are files of their own. */
import { LlamaError } from "../../error.js";
import type { ModelConfig } from "../../model/config/config.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import type { Dialog } from "./dialog.js";
import { llama2Format } from "./llama2.js";
import { llama3Format } from "./llama3.js";
import { completionFormat } from "./plain-text.js";

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

/** The chat format of a tokenizer's family; "none" continues text. */
export function chatFormat(name: ChatName, tokenizer: Tokenizer, config: ModelConfig): ChatFormat {
  if (name === "none") return completionFormat(tokenizer);
  if (name !== familyFormat(tokenizer)) {
    throw new LlamaError("usage", `the chat format ${name} is not for this model's tokenizer`, {
      expected: `${familyFormat(tokenizer)} or none`,
    });
  }
  if (name === "llama2") return llama2Format(tokenizer);
  // Meta's later code, which came with Llama 3.1 and its scaled rotary frequencies, leaves a message's edges as they are.
  return llama3Format(tokenizer, config.ropeScaling === null);
}

/** The format Meta's code has for models with such a tokenizer. */
export function familyFormat({ kind }: Tokenizer): ChatName {
  return kind === "tiktoken" ? "llama3" : "llama2";
}

/** A folder named as Meta names models made for dialogs has its family's format, any other none. */
export function guessFormat(tokenizer: Tokenizer, folder: string): ChatName {
  return /chat|instruct/i.test(folder) ? familyFormat(tokenizer) : "none";
}

/** Throws LlamaError (usage) for texts that may not stand in a dialog. */
export function checkTexts(format: ChatFormat, texts: readonly string[]): void {
  const refusal = format.refusal(texts);
  if (refusal !== null) throw new LlamaError("usage", refusal.replace(/^Error: /, "").replace(/\.$/, ""));
}
