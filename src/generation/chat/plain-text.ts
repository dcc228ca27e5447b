/** The chat formats "none" and "text", for models that only continue text: messages and answers form one text. */
import { LlamaError } from "../../error.js";
import { encodeAfter, type Tokenizer } from "../../tokenizer/tokenizer.js";
import { type ChatFormat, NO_STOPS, NO_TOOLS } from "./chat-format.js";
import type { Dialog } from "./dialog.js";
import { turnwise } from "./turnwise.js";

/** `hasDialogs`: it writes dialogs too, as a conversation does. */
export function plainTextFormat(tokenizer: Tokenizer, hasDialogs = false): ChatFormat {
  return {
    name: "none",
    templateHash: null,
    stopIds: NO_STOPS,
    tools: NO_TOOLS,
    encodeDialog(dialog) {
      if (hasDialogs) return encodeLines(tokenizer, dialog);
      throw new LlamaError("usage", "the chat format none only continues text: it has no dialogs");
    },
    encodeConversation: turnwise({
      /** Each turn starts a new line; an empty turn continues the text as it is. */
      openTurn(text, system, isFirst) {
        if (isFirst) return tokenizer.encode(system === null ? text : `${system}\n${text}`, { bos: true });
        if (text === "") return [];
        return encodeAfter(tokenizer, `\n${text}`);
      },
      closeTurn: () => [],
    }),
    encodeAnswer: (text) => encodeAfter(tokenizer, text),
    refusal: () => null,
  };
}

/** Each message begins a line but for answers, which follow the text before them as the model has written them. */
function encodeLines(tokenizer: Tokenizer, dialog: Dialog): number[] {
  return dialog.flatMap(({ role, content, token_ids: own }, i) => {
    const isAnswer = role === "assistant";
    if (isAnswer && own) return i === 0 ? [...tokenizer.encode("", { bos: true }), ...own] : own;
    if (i === 0) return tokenizer.encode(content, { bos: true });
    return encodeAfter(tokenizer, isAnswer ? content : `\n${content}`);
  });
}
