/** The chat format "none", for models that only continue text: messages and answers form one text. Does not know roles. */
import { LlamaError } from "../../error.js";
import { encodeAfter, type Tokenizer } from "../../tokenizer/tokenizer.js";
import type { ChatFormat } from "./chat-format.js";

export function plainTextFormat(tokenizer: Tokenizer): ChatFormat {
  return {
    name: "none",
    encodeDialog() {
      throw new LlamaError("usage", "the chat format none only continues text: it has no dialogs");
    },
    /** Each turn starts a new line; an empty turn continues the text as it is. */
    openTurn(text, system, isFirst) {
      if (isFirst) return tokenizer.encode(system === null ? text : `${system}\n${text}`, { bos: true });
      if (text === "") return [];
      return encodeAfter(tokenizer, `\n${text}`);
    },
    encodeAnswer: (text) => encodeAfter(tokenizer, text),
    closeTurn: () => [],
    refusal: () => null,
  };
}
