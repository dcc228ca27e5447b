/** The chat format that the command line asks for: a name, or the file of a template. Does not know formats. */
import { LlamaError } from "../../error.js";
import { readWhole } from "../../formats/files/byte-source.js";
import { decodeText } from "../../formats/files/text.js";
import type { ChatName } from "../../generation/chat/chat-format.js";
import type { ChatChoice, Llama } from "../../index.js";
import { CHAT_WORDS } from "../options/flags.js";
import { printNote } from "../terminal/notes.js";

const MAX_TEMPLATE = 1 << 20;

/** Reads a value of `--chat`: a word, or a file. Throws LlamaError (usage) for a file that cannot be read. */
export function chatChoice(value: string): ChatChoice {
  const word = CHAT_WORDS.find((one) => one === value);
  if (word !== undefined) return word;
  try {
    return { template: decodeText(readWhole(value, MAX_TEMPLATE, "a chat template"), value) };
  } catch (cause) {
    const expected = `${CHAT_WORDS.join(", ")} or the file of a template`;
    const found = (cause as Error).message;
    throw new LlamaError("usage", "unknown chat format", { where: `--chat ${value}`, expected, found, cause });
  }
}

/** The format of a one-shot chat: null for a model that only continues text, and if it is asked for none. */
export function oneShotFormat(choice: ChatChoice, { chatName }: Llama, quiet: boolean): ChatChoice | null {
  if (choice !== "auto") return choice === "none" ? null : choice;
  if (chatName !== "none") return chatName;
  if (!quiet) printNote("This model has no chat format: the prompt is continued as text.");
  return null;
}

/** What a format is called in the first line of a dialogue. */
export function formatTitle(name: ChatName, value: string): string {
  if (name !== "template") return name;
  return CHAT_WORDS.some((word) => word === value) ? "the model's template" : `the template ${value}`;
}
