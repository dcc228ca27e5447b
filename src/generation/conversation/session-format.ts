/** Finds the chat format of a session: the one in which it was written. Does not read files. */
import { LlamaError } from "../../error.js";
import type { ChatChoice, ChatFormat } from "../chat/chat-format.js";
import type { ConversationHeader } from "./conversation-header.js";

/**
 * The format of a session in `file`. `asked`: the format that the caller wants, which must be that one. Throws LlamaError
 * (usage) that names the file if the session is of another format, or of one that the model does not have.
 */
export function sessionFormat(
  { chat, template = null }: Pick<ConversationHeader, "chat" | "template">,
  file: string,
  asked: ChatChoice,
  create: (choice: ChatChoice) => ChatFormat,
): ChatFormat {
  let format: ChatFormat;
  try {
    format = create(asked === "auto" ? chat : asked);
  } catch (cause) {
    if (!(cause instanceof LlamaError)) throw cause;
    const problem = `is a session in the chat format ${chat}, which cannot be used: ${cause.message}`;
    throw new LlamaError("usage", problem, { where: file, cause });
  }
  if (format.name !== chat) {
    const fix = "Leave the chat format out, or use another file";
    throw new LlamaError("usage", "is a session in another chat format", {
      ...{ where: file, expected: format.name, found: chat, fix },
    });
  }
  if (format.templateHash !== template) {
    const fix = "Give the template in which it was written, or use another file";
    throw new LlamaError("usage", "is a session in another chat template", { where: file, fix });
  }
  return format;
}
