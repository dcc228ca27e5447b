/** A "dialog" with a model that only continues text: what is typed and what came are one text. Knows no roles. */
import { LlamaError } from "../../error.js";
import { encodeAfter, type Tokenizer } from "../../tokenizer/tokenizer.js";
import type { ChatFormat } from "./chat-format.js";

export function plainTextFormat(tokenizer: Tokenizer): ChatFormat {
  return {
    name: "none",
    encodeDialog() {
      throw new LlamaError("usage", "the format none continues text and has no dialogs");
    },
    /** Each turn begins a line; an empty one goes on where the text ended. */
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
