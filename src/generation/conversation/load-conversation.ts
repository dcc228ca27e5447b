/** Continues a conversation from a file with a loaded model: in its chat format, with its KV cache if that is this model's. */
import type { ModelEngine } from "../../engine/host/model-engine.js";
import type { ChatChoice } from "../chat/chat-format.js";
import type { ModelContext } from "../loading/model-context.js";
import { type LoadedConversation, openConversation } from "./conversation-file.js";
import { sessionFormat } from "./session-format.js";
import { startConversation } from "./start-conversation.js";

/** Throws LlamaError for a file that cannot be read, or a format that is not the file's. */
export async function loadConversation(
  engine: ModelEngine,
  model: ModelContext,
  file: string,
  chat: ChatChoice,
): Promise<LoadedConversation> {
  const saved = await openConversation(file);
  try {
    const { system, settings } = saved.header;
    const format = sessionFormat(saved.header, file, chat, (choice) => model.conversationFormat(choice));
    const conversation = startConversation(model, format, system);
    const cache = await saved.fill(engine, model.loop, conversation, model.tokenizer);
    return { conversation, settings, cache };
  } finally {
    await saved.close();
  }
}
