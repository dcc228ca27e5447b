/** Encodes what a request asks for: a text, token ids, or a dialog in a chat format. Does not run anything. */
import { checkAnswerIds } from "../chat/answer-ids.js";
import { type ChatChoice, type ChatFormat, checkTexts, checkTools, NO_STOPS } from "../chat/chat-format.js";
import { checkRoles, type Dialog, type DialogInput, readDialog } from "../chat/dialog.js";
import { DIALOG_ENDINGS, type DialogEnding, resolveEnding } from "../chat/dialog-ending.js";
import { schemaCheck } from "../form/forms.js";
import type { TextContext } from "../loading/text-context.js";
import { either, LIST, oneOf, TEXT } from "../options/check-options.js";
import { wrongType } from "../options/wrong-type.js";
import { readTools, type Tool, type ToolInput } from "../tools/tool.js";
import { type ToolUse, type ToolUseOptions, toolUse } from "../tools/tool-use.js";

/** Messages to answer, and the chat format to write them in: by default the model's template, or that of Meta's code. */
export interface ChatPrompt {
  messages: DialogInput;
  chat?: ChatChoice;
  /** By default the start of an answer follows the messages. "continue": the last message is an answer to continue. "closed": nothing follows. */
  ending?: DialogEnding;
  /** Tools that the model may ask for, written by its chat template. What it answers is bound by the form of `toolUse()`. */
  tools?: readonly ToolInput[];
}

export type Prompt =
  | {
      /** A text gets a beginning-of-sentence token; token ids are taken as they are. */
      prompt: string | readonly number[];
    }
  | ChatPrompt;

/** The ids of a prompt, later for a long text, and the tokens that end its answer beside the model's stops. */
export interface EncodedPrompt {
  ids: number[] | Promise<number[]>;
  stopIds: ReadonlySet<number>;
}

export const PROMPT = either(TEXT, { ...LIST, type: "a list of token ids" });
export const MESSAGES = { ...LIST, type: "a list of messages" };
export const ENDING = oneOf(...DIALOG_ENDINGS);
export const TOOLS = { ...LIST, type: "a list of tools" };

/** Encodes a prompt. `special`: names of special tokens in a text become those tokens. Throws LlamaError (usage) for a dialog that the format does not allow. */
export function encodePrompt(model: TextContext, request: Prompt, special = false): EncodedPrompt {
  if ("prompt" in request) {
    if (!PROMPT.isType(request.prompt)) throw wrongType("prompt", PROMPT.type, request.prompt);
    return { ids: model.promptIds(request.prompt, 0, special), stopIds: NO_STOPS };
  }
  const { messages, chat, ending: wanted = "answer", tools: given } = request;
  if (!ENDING.isType(wanted)) throw wrongType("ending", ENDING.type, wanted);
  const format = model.dialogFormat(chat);
  const tools = given && given.length > 0 ? readTools(given) : null;
  const { dialog, ending } = resolveEnding(dialogOf(model, format, messages, tools), wanted);
  checkTexts(
    format,
    dialog.map(({ content }) => content),
  );
  const encode = () => format.encodeDialog(dialog, ending, ...(tools ? [tools] : []));
  return { ids: model.longTexts.run(encode), stopIds: format.stopIds };
}

/** A dialog from outside, for a format. Throws LlamaError (usage) that names what is wrong in it. */
export function dialogOf(
  model: TextContext,
  format: ChatFormat,
  messages: DialogInput,
  tools: readonly Tool[] | null = null,
): Dialog {
  if (!MESSAGES.isType(messages)) throw wrongType("messages", MESSAGES.type, messages);
  const dialog = checkAnswerIds(readDialog(messages), model.tokenizer, model.config.vocabSize);
  // A template has roles of its own.
  if (format.name !== "template") checkRoles(dialog);
  checkTools(format, dialog, tools);
  return dialog;
}

/** What tools mean for the answer of a dialog. Throws LlamaError (usage) where its format knows none, or for a schema that cannot be bound. */
export async function useTools(
  model: TextContext,
  tools: readonly ToolInput[],
  { chat, ...options }: ToolUseOptions & { chat?: ChatChoice },
): Promise<ToolUse> {
  const format = model.dialogFormat(chat);
  checkTools(format, [], tools);
  return toolUse(format.tools, tools, options, await schemaCheck());
}

/** Ids of a dialog up to where the answer begins. Throws LlamaError (usage) for one that the format does not allow. */
export function encodeDialog(model: TextContext, messages: DialogInput, chat?: ChatChoice): number[] {
  const format = model.dialogFormat(chat);
  return format.encodeDialog(dialogOf(model, format, messages));
}
