/** How a dialog ends: with the start of an answer, with an answer to continue, or with its last message. Does not know formats. */
import { LlamaError } from "../../error.js";
import { strip } from "../../tokenizer/encoding/python-whitespace.js";
import type { Dialog } from "./dialog.js";

export const DIALOG_ENDINGS = ["answer", "continue", "closed"] as const;

/**
 * "answer": the start of an answer follows the last message. "continue": the last message is an answer to continue, as with
 * `continue_final_message` of transformers. "closed": nothing follows.
 */
export type DialogEnding = (typeof DIALOG_ENDINGS)[number];

/** An answer without text is one that starts. Throws LlamaError (usage) where there is no answer to continue. */
export function resolveEnding(dialog: Dialog, ending: DialogEnding): { dialog: Dialog; ending: DialogEnding } {
  if (ending !== "continue") return { dialog, ending };
  const last = dialog.at(-1);
  if (last?.role !== "assistant") {
    throw new LlamaError("usage", "there is no answer to continue", {
      where: `messages[${Math.max(0, dialog.length - 1)}].role`,
      expected: "assistant",
      found: last?.role ?? "no message",
    });
  }
  if (last.tool_calls !== undefined) {
    const where = `messages[${dialog.length - 1}].tool_calls`;
    throw new LlamaError("usage", "an answer that calls tools cannot be continued", { where });
  }
  const isEmpty = last.token_ids ? last.token_ids.length === 0 : strip(last.content) === "";
  return isEmpty ? { dialog: dialog.slice(0, -1), ending: "answer" } : { dialog, ending };
}
