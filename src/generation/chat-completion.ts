/** A "dialog" with a model that only continues text: what is typed and what came are one text. Knows no roles. */
import { LlamaError } from "../error.js";
import type { ChatFormat } from "./chat-format.js";
import type { Tokenizer } from "./tokenizer.js";

export function completionFormat(tokenizer: Tokenizer): ChatFormat {
  const mark = tokenizer.encode("\n");
  /** SentencePiece puts a space before whatever it encodes; behind the mark there is none. */
  const encodeBehind = (text: string) => {
    const ids = tokenizer.encode(`\n${text}`);
    return mark.every((id, i) => ids[i] === id) ? ids.slice(mark.length) : tokenizer.encode(text);
  };
  return {
    name: "none",
    encodeDialog() {
      throw new LlamaError("usage", "the format none continues text and has no dialogs");
    },
    /** Each turn begins a line; an empty one goes on where the text ended. */
    openTurn(text, system, isFirst) {
      if (isFirst) return tokenizer.encode(system === null ? text : `${system}\n${text}`, { bos: true });
      if (text === "") return [];
      return encodeBehind(`\n${text}`);
    },
    encodeAnswer: encodeBehind,
    closeTurn: () => [],
    refusal: () => null,
  };
}
