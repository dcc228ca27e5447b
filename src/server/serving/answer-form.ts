/** What binds an answer: the form that a request asks for, or the calls of its tools. Does not know fields or JSON. */
import { LlamaError } from "../../error.js";
import type { CallReader, Form, ToolInput, ToolUse } from "../../index.js";
import { invalid } from "../http/api-error.js";
import { newId } from "../http/ids.js";
import type { AskedForm } from "../schema/form-fields.js";
import type { AskedTools } from "../schema/tool-fields.js";
import { checkChat } from "./chat-prompt.js";
import type { ServeSettings } from "./serve-settings.js";
import type { ServerModel } from "./server-model.js";

export interface AnswerForm {
  /** For the request; nothing: any text. */
  readonly option: { form?: Form };
  /** For the prompt. */
  readonly tools: readonly ToolInput[];
  readonly use: ToolUse | null;
}

/** Checks and compiles the form of an answer, so that what is wrong with it is known before a stream begins. Throws ApiError that names the field. */
export async function answerForm(
  llama: ServerModel,
  asked: AskedForm | null,
  askedTools: AskedTools | null,
  { chat }: Pick<ServeSettings, "chat">,
): Promise<AnswerForm> {
  const tools = askedTools?.tools ?? [];
  if (tools.length > 0) checkChat(llama, chat, "tools");
  try {
    const use = tools.length === 0 ? null : await toolUse(llama, tools, askedTools!, asked, chat);
    const form = use?.form ?? asked?.form ?? null;
    if (form !== null) await llama.prepareForm(form);
    return { option: form === null ? {} : { form }, tools, use };
  } catch (error) {
    if (!(error instanceof LlamaError) || error.kind !== "usage") throw error;
    const [place] = /^(tools?_?\w*(\[\d+\])?[\w.]*)/.exec(error.message) ?? [];
    throw invalid(error.message, place ?? asked?.field ?? "tools");
  }
}

function toolUse(
  llama: ServerModel,
  tools: readonly ToolInput[],
  { choice, isParallel }: AskedTools,
  asked: AskedForm | null,
  chat: ServeSettings["chat"],
): Promise<ToolUse> {
  if (asked !== null && choice !== "auto" && choice !== "none") {
    throw invalid(`${asked.field} and a tool_choice that asks for a call exclude each other`, asked.field);
  }
  return llama.toolUse(tools, { chat, choice, isParallel, ...(asked && { form: asked.form }) });
}

/** The reader of an answer's calls; null where it can have none. */
export function callReader({ use }: AnswerForm): CallReader | null {
  return use?.reader(() => newId("call_")) ?? null;
}
