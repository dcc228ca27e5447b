/** Chooses a chat format: the one asked for, the model's template, or the format of Meta's code. Does not know how the formats write. */
import { LlamaError } from "../../error.js";
import type { ModelConfig } from "../../model/config/config.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import { ChatTemplate } from "../template/chat-template.js";
import type { ChatChoice, ChatFormat, ChatName } from "./chat-format.js";
import type { FolderKind } from "./folder-kind.js";
import { llama2Format } from "./llama2.js";
import { llama3Format } from "./llama3.js";
import { plainTextFormat } from "./plain-text.js";
import { templateFormat } from "./template-format.js";

/** Creates a chat format by name; "none" continues text. Throws LlamaError (usage) for a format that does not fit the tokenizer. */
export function chatFormat(name: ChatName, tokenizer: Tokenizer, config: ModelConfig): ChatFormat {
  if (name === "none") return plainTextFormat(tokenizer);
  if (name === "template") {
    const { chatTemplate, toolTemplate = null } = tokenizer;
    if (chatTemplate === null) {
      const fix = "Give the file of a template, or llama2, llama3 or none";
      throw new LlamaError("usage", "the model has no chat template", { fix });
    }
    const names = templateNames(tokenizer);
    const withTools =
      toolTemplate === null ? null : new ChatTemplate(toolTemplate, names, "the chat template for tools");
    return templateFormat(tokenizer, new ChatTemplate(chatTemplate, names), withTools);
  }
  if (name !== familyFormat(tokenizer)) {
    throw new LlamaError("usage", `the chat format ${name} does not match this model's tokenizer`, {
      expected: `${familyFormat(tokenizer)} or none`,
    });
  }
  if (name === "llama2") return llama2Format(tokenizer);
  // Meta's code since Llama 3.1, recognised by its scaled rotary frequencies, does not strip messages.
  return llama3Format(tokenizer, config.ropeScaling?.kind !== "llama3");
}

/** The chat format that Meta's code uses for models with such a tokenizer. */
export function familyFormat({ units }: Tokenizer): "llama2" | "llama3" {
  return units === "bytes" ? "llama3" : "llama2";
}

/** The format of a conversation if the user names none: the model's template unless the folder is called a base model; Meta's format for folders of chat models; else none. */
export function guessFormat(tokenizer: Tokenizer, kind: FolderKind): ChatName {
  if (tokenizer.chatTemplate !== null && kind !== "base") return "template";
  if (kind !== "chat") return "none";
  const name = familyFormat(tokenizer);
  return name === "llama3" && !tokenizer.specialTokens.has("<|start_header_id|>") ? "none" : name;
}

/** The format of a dialog if the user names none: a dialog needs one, whatever the folder is called. */
export function dialogFormat(tokenizer: Tokenizer): ChatName {
  return tokenizer.chatTemplate === null ? familyFormat(tokenizer) : "template";
}

/** Creates the format that was asked for, or the one that `auto` names. */
export function chosenFormat(
  choice: ChatChoice,
  auto: ChatName,
  tokenizer: Tokenizer,
  config: ModelConfig,
): ChatFormat {
  if (choice === "text") return plainTextFormat(tokenizer, true);
  if (typeof choice !== "object") return chatFormat(choice === "auto" ? auto : choice, tokenizer, config);
  const template = new ChatTemplate(choice.template, templateNames(tokenizer), "the chat template that was given");
  template.check();
  return templateFormat(tokenizer, template);
}

/** The names of tokens, as templates see them. */
function templateNames({ tokenNames }: Tokenizer) {
  const { bos, eos, unk, pad } = tokenNames;
  return { bos_token: bos, eos_token: eos, unk_token: unk, pad_token: pad };
}
