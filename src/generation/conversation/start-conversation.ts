/** Starts a conversation with a loaded model. Does not know formats. */
import type { ChatFormat } from "../chat/chat-format.js";
import { streamText } from "../completion/stream.js";
import type { ModelContext } from "../loading/model-context.js";
import { Conversation } from "./conversation.js";

/** `system`: system text; for a model that only continues text, the text before the first turn. */
export function startConversation(model: ModelContext, format: ChatFormat, system: string | null): Conversation {
  const conversation = new Conversation(format, {
    maxSeqLen: model.maxSeqLen,
    stream: (ids, options, owner) => streamText(model, { ids, stopIds: format.stopIds }, options, { owner }),
    forget: (owner) => model.loop.forget(owner),
  });
  conversation.system = system;
  return conversation;
}
