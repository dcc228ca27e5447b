/** The chat format "none", for models that only continue text: messages and answers form one text. Does not know roles. */
import { LlamaError } from "../../error.js";
import { encodeAfter, type Tokenizer } from "../../tokenizer/tokenizer.js";
import { type ChatFormat, NO_STOPS } from "./chat-format.js";
import { turnwise } from "./turnwise.js";

export function plainTextFormat(tokenizer: Tokenizer): ChatFormat {
  return {
    name: "none",
    templateHash: null,
    stopIds: NO_STOPS,
    encodeDialog() {
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
