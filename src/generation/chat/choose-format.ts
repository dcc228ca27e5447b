/** Which chat format a model has: by its tokenizer's family and the name of its folder. Knows the formats by name only. */
import { LlamaError } from "../../error.js";
import type { ModelConfig } from "../../model/config/config.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import type { ChatFormat, ChatName } from "./chat-format.js";
import { llama2Format } from "./llama2.js";
import { llama3Format } from "./llama3.js";
import { plainTextFormat } from "./plain-text.js";

/** The chat format of a tokenizer's family; "none" continues text. */
export function chatFormat(name: ChatName, tokenizer: Tokenizer, config: ModelConfig): ChatFormat {
  if (name === "none") return plainTextFormat(tokenizer);
  if (name !== familyFormat(tokenizer)) {
    throw new LlamaError("usage", `the chat format ${name} is not for this model's tokenizer`, {
      expected: `${familyFormat(tokenizer)} or none`,
    });
  }
  if (name === "llama2") return llama2Format(tokenizer);
  // Meta's later code, which came with Llama 3.1 and its scaled rotary frequencies, leaves a message's edges as they are.
  return llama3Format(tokenizer, config.ropeScaling === null);
}

/** The format Meta's code has for models with such a tokenizer. */
export function familyFormat({ kind }: Tokenizer): ChatName {
  return kind === "tiktoken" ? "llama3" : "llama2";
}

/** A folder named as Meta names models made for dialogs has its family's format, any other none. */
export function guessFormat(tokenizer: Tokenizer, folder: string): ChatName {
  return /chat|instruct/i.test(folder) ? familyFormat(tokenizer) : "none";
}
