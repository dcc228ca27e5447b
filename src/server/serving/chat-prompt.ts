/** The prompt of a dialog: its messages in the chat format of the server, with the server's system text where they have none. Does not know HTTP. */
import { LlamaError } from "../../error.js";
import type { DialogEnding, DialogInput, ToolInput } from "../../index.js";
import { contextExceeded, invalid } from "../http/api-error.js";
import type { ChatRequest, EndingFields } from "../schema/chat-request.js";
import type { ServeSettings } from "./serve-settings.js";
import type { ServerModel } from "./server-model.js";

type Messages = ChatRequest["messages"];

/** How the dialog of a request ends. Throws ApiError for fields that contradict each other. */
export function endingOf({
  add_generation_prompt: starts,
  continue_final_message: continues,
}: EndingFields): DialogEnding {
  if (continues && starts) {
    throw invalid("continue_final_message and add_generation_prompt exclude each other", "continue_final_message");
  }
  if (continues) return "continue";
  return starts === false ? "closed" : "answer";
}

/** Whether the server writes dialogs for this model. */
export function hasChat(llama: ServerModel, chat: ServeSettings["chat"]): boolean {
  return chat !== "none" && (chat !== "auto" || llama.chatName !== "none");
}

/** Throws ApiError unless the server writes dialogs for this model. */
export function checkChat(llama: ServerModel, chat: ServeSettings["chat"], param: string): void {
  if (hasChat(llama, chat)) return;
  const fix =
    "Continue text with /v1/completions, or start the server with a chat format: `text` writes messages as lines";
  throw invalid(`This model has no chat format. ${fix}`, param, "unsupported_parameter");
}

/** Where messages are in a request: the list's name, and the messages before it that the client has not sent there. */
interface MessageList {
  name: string;
  before: number;
  /** The place in the list that each message begins at, where several make one message. */
  places?: readonly number[];
  /** It is one text, the last message. */
  isOne?: boolean;
}

const MESSAGES: MessageList = { name: "messages", before: 0 };

/** Ids of messages to answer. Throws ApiError where they leave no room for an answer too. */
export async function encodeChat(
  llama: ServerModel,
  messages: Messages,
  ending: DialogEnding,
  settings: ServeSettings,
  list = MESSAGES,
  tools: readonly ToolInput[] = [],
): Promise<{ ids: number[]; stopIds: number[] }> {
  const prompt = await encodeMessages(llama, messages, ending, settings, list, tools);
  const { length } = prompt.ids;
  if (length >= llama.maxSeqLen) throw contextExceeded(length, llama.maxSeqLen, list.name);
  return prompt;
}

/** Ids of messages in the chat format of the server, with its own system text where they have none. Throws ApiError for what the format does not allow. */
export async function encodeMessages(
  llama: ServerModel,
  messages: Messages,
  ending: DialogEnding,
  { chat: choice, system }: ServeSettings,
  { name, before, places, isOne = false }: MessageList = MESSAGES,
  tools: readonly ToolInput[] = [],
): Promise<{ ids: number[]; stopIds: number[] }> {
  checkChat(llama, choice, name);
  const size = JSON.stringify(messages.map(({ content }) => content ?? "")).length;
  const given = messages.reduce((sum, { token_ids: ids = [] }) => sum + ids.length, 0);
  const least = Math.max(given, Math.ceil(size / llama.tokenizer.maxTokenBytes / 8));
  if (least > llama.maxSeqLen) throw contextExceeded(least, llama.maxSeqLen, name, true);
  if (tools.length > 0 && ending !== "answer") throw invalid("tools need an answer that begins", "tools");
  const own = messages.map(({ tool_name: tool, ...one }) => ({
    ...{ ...one, role: one.role === "developer" ? "system" : one.role, name: one.name ?? tool },
  }));
  const added = system !== null && own[0]?.role !== "system" ? [{ role: "system", content: system }] : [];
  const dialog = [...added, ...own] as DialogInput;
  try {
    return await llama.encodePrompt({ messages: dialog, chat: choice, ending, tools });
  } catch (error) {
    if (!(error instanceof LlamaError) || error.kind !== "usage") throw error;
    // The client counts its own messages.
    const message = error.message.replace(/\bmessages\[(\d+)\]/g, (_, found) => {
      const at = Number(found) - added.length;
      const index = places?.[at] ?? at - before;
      if (index < 0) return "the system text";
      return isOne ? name : `${name}[${index}]`;
    });
    const [place = name] = new RegExp(`(${name}|tools)\\[\\d+\\](\\.\\w+)?`).exec(message) ?? [];
    throw invalid(message, place);
  }
}
