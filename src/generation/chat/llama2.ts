/** Llama 2's chat format: the same ids as chat_completion() in Meta's generation.py. */
import { LlamaError } from "../../error.js";
import { isSpace, strip } from "../../tokenizer/encoding/python-whitespace.js";
import { requireEos, type Tokenizer } from "../../tokenizer/tokenizer.js";
import { type ChatFormat, NO_STOPS, NO_TOOLS } from "./chat-format.js";
import type { Dialog, Message } from "./dialog.js";
import type { DialogEnding } from "./dialog-ending.js";
import { turnwise } from "./turnwise.js";

const [B_INST, E_INST] = ["[INST]", "[/INST]"];
const [B_SYS, E_SYS] = ["<<SYS>>\n", "\n<</SYS>>\n\n"];
const SPECIAL_TAGS = [B_INST, E_INST, "<<SYS>>", "<</SYS>>"];
const UNSAFE_ERROR = "Error: special tags are not allowed as part of the prompt.";

export function llama2Format(tokenizer: Tokenizer): ChatFormat {
  const [word, wordAndSpace] = [tokenizer.encode("a"), tokenizer.encode("a ")];
  const space = wordAndSpace.slice(word.length);

  const encodeDialog = (dialog: Dialog, ending: DialogEnding = "answer"): number[] => {
    const messages = mergeSystem(dialog);
    check(messages, ending === "answer");
    const parts: (readonly number[])[] = [];
    // Each pair is encoded by itself, with a space before it.
    for (let i = 0; i < messages.length; i += 2) {
      const prompt = `${B_INST} ${strip(messages[i]!.content)} ${E_INST}`;
      const answer = messages[i + 1];
      const isOpen = ending === "continue" && i + 2 >= messages.length;
      if (!answer) parts.push(tokenizer.encode(prompt, { bos: true }));
      else if (answer.token_ids) {
        parts.push(tokenizer.encode(prompt, { bos: true }), answer.token_ids);
        if (!isOpen) parts.push(closeTurn(answer.token_ids));
      } else {
        const text = isOpen ? stripStart(answer.content) : `${strip(answer.content)} `;
        parts.push(tokenizer.encode(`${prompt} ${text}`, { bos: true, eos: !isOpen }));
      }
    }
    return parts.flat();
  };

  const closeTurn = (answerIds: readonly number[]): number[] => {
    const hasSpace = space.length > 0 && answerIds.at(-1) === space.at(-1);
    return [...(hasSpace ? [] : space), requireEos(tokenizer)];
  };

  return {
    name: "llama2",
    templateHash: null,
    stopIds: NO_STOPS,
    tools: NO_TOOLS,
    encodeDialog,
    encodeConversation: turnwise({
      openTurn(text, system, isFirst) {
        const before: Message[] = isFirst && system !== null ? [{ role: "system", content: system }] : [];
        return encodeDialog([...before, { role: "user", content: text }]);
      },
      closeTurn,
    }),
    encodeAnswer: (text) => tokenizer.encode(strip(text)),
    refusal: (texts) => (texts.some((text) => SPECIAL_TAGS.some((tag) => text.includes(tag))) ? UNSAFE_ERROR : null),
  };
}

/** str.lstrip(): transformers keeps the spaces at the end of an answer to continue. */
function stripStart(text: string): string {
  let start = 0;
  while (start < text.length && isSpace(text[start]!)) start++;
  return text.slice(start);
}

/** Makes the system prompt part of the message after it. */
function mergeSystem(dialog: Dialog): Dialog {
  const [first, second, ...rest] = dialog;
  if (first === undefined) throw new LlamaError("usage", "the dialog has no messages");
  if (first.role !== "system") return dialog;
  if (second === undefined) throw new LlamaError("usage", "the dialog has no message after the system message");
  return [{ role: second.role, content: B_SYS + first.content + E_SYS + second.content }, ...rest];
}

function check(messages: Dialog, needsQuestion: boolean): void {
  if (messages.some(({ role }, i) => role !== (i % 2 === 0 ? "user" : "assistant"))) {
    throw new LlamaError(
      "usage",
      "model only supports 'system', 'user' and 'assistant' roles, starting with 'system', then 'user' and alternating (u/a/u/a/u...)",
    );
  }
  const { role } = messages.at(-1)!;
  if (needsQuestion && role !== "user") throw new LlamaError("usage", `Last message must be from user, got ${role}`);
}
