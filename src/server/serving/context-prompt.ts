/** The prompt that follows the context of an earlier answer: its ids, and after them a new text or message. Does not know HTTP. */
import type { ChatChoice, DialogInput } from "../../index.js";
import { invalid } from "../http/api-error.js";
import type { ServerModel } from "./server-model.js";

/** A text that continues where the context ends; as encodeAfter(), but a long one is encoded in a thread. */
export async function continueText(llama: ServerModel, context: readonly number[], text: string): Promise<number[]> {
  const newline = llama.tokenizer.encode("\n");
  const ids = await llama.encodeText(`\n${text}`);
  const isAfter = newline.every((id, i) => ids[i] === id);
  return [...context, ...(isAfter ? ids.slice(newline.length) : await llama.encodeText(text))];
}

export interface NextMessage {
  context: readonly number[];
  text: string;
  system: string | null;
  chat: ChatChoice;
}

/**
 * A message that follows an answer, as the chat format writes it: what it has written after another answer. Throws ApiError if
 * the format writes the second message otherwise, or if the context does not begin with the system text.
 */
export async function continueChat(
  llama: ServerModel,
  { context, text, system, chat }: NextMessage,
): Promise<{ ids: number[]; stopIds: number[] }> {
  const user = (content: string) => ({ role: "user" as const, content });
  const encode = (messages: DialogInput) => llama.encodePrompt({ messages, chat });
  if (system !== null) {
    const said = { role: "system" as const, content: system };
    const [one, other] = await Promise.all([encode([said, user("a")]), encode([said, user("b")])]);
    const length = one.ids.findIndex((id, i) => id !== other.ids[i]);
    if (one.ids.slice(0, length).some((id, i) => id !== context[i])) {
      throw invalid("context begins without this system text; leave out one of them", "system");
    }
  }
  if (chat === "text") return { ids: await continueText(llama, context, `\n${text}`), stopIds: [] };
  // Any answer will do.
  const answer = { role: "assistant" as const, token_ids: llama.tokenizer.encode("a").slice(-1) };
  const [before, after] = await Promise.all([encode([user("a")]), encode([user("a"), answer, user(text)])]);
  const start = [...before.ids, ...answer.token_ids];
  if (start.some((id, i) => id !== after.ids[i])) {
    throw invalid("The chat format of this model cannot continue a context; use /api/chat", "context");
  }
  return { ids: [...context, ...after.ids.slice(start.length)], stopIds: after.stopIds };
}
