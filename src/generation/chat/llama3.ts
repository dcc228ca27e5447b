/** Llama 3's chat format: the same ids as ChatFormat in Meta's code. Special tokens within a message are plain text. */
import { LlamaError } from "../../error.js";
import { strip } from "../../tokenizer/encoding/python-whitespace.js";
import { requireBos, type Tokenizer } from "../../tokenizer/tokenizer.js";
import { type ChatFormat, NO_STOPS, NO_TOOLS } from "./chat-format.js";
import type { Dialog, Message } from "./dialog.js";
import type { DialogEnding } from "./dialog-ending.js";
import { turnwise } from "./turnwise.js";

/** `strips`: strip messages, as Llama 3's code does. The code of 3.1 and later (llama-models) keeps white space and names the tool role ipython. */
export function llama3Format(tokenizer: Tokenizer, strips: boolean): ChatFormat {
  const special = (name: string) => {
    const id = tokenizer.specialTokens.get(name);
    if (id === undefined)
      throw new LlamaError("usage", `the tokenizer has no ${name}, which the chat format llama3 needs`);
    return id;
  };
  const header = (role: string) => [
    special("<|start_header_id|>"),
    ...tokenizer.encode(!strips && role === "tool" ? "ipython" : role),
    special("<|end_header_id|>"),
    ...tokenizer.encode("\n\n"),
  ];
  const message = ({ role, content, token_ids: ids }: Message) => [
    ...header(role),
    ...(ids ?? tokenizer.encode(strips ? strip(content) : content)),
    special("<|eot_id|>"),
  ];
  const encodeDialog = (dialog: Dialog, ending: DialogEnding = "answer") => {
    const ids = [requireBos(tokenizer), ...dialog.flatMap(message)];
    if (ending === "answer") return [...ids, ...header("assistant")];
    return ending === "continue" ? ids.slice(0, -1) : ids;
  };
  return {
    name: "llama3",
    templateHash: null,
    stopIds: NO_STOPS,
    tools: NO_TOOLS,
    encodeDialog,
    encodeConversation: turnwise({
      openTurn(text, system, isFirst) {
        const before: Message[] = isFirst && system !== null ? [{ role: "system", content: system }] : [];
        const ids = encodeDialog([...before, { role: "user", content: text }]);
        return isFirst ? ids : ids.slice(1);
      },
      closeTurn: () => [special("<|eot_id|>")],
    }),
    encodeAnswer: (text) => tokenizer.encode(text),
    refusal: () => null,
  };
}
