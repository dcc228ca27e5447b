/** Chooses a model's chat format by its tokenizer's family and its folder's name. Does not know how the formats write. */
import { LlamaError } from "../../error.js";
import type { ModelConfig } from "../../model/config/config.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import type { ChatFormat, ChatName } from "./chat-format.js";
import { llama2Format } from "./llama2.js";
import { llama3Format } from "./llama3.js";
import { plainTextFormat } from "./plain-text.js";

/** Creates a chat format by name; "none" continues text. Throws LlamaError (usage) for a format of another tokenizer family. */
export function chatFormat(name: ChatName, tokenizer: Tokenizer, config: ModelConfig): ChatFormat {
  if (name === "none") return plainTextFormat(tokenizer);
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
export function familyFormat({ units }: Tokenizer): ChatName {
  return units === "bytes" ? "llama3" : "llama2";
}

/** Guesses by the folder: "chat" or "instruct" in its name, as in Meta's names, means the family's format; any other name means "none". */
export function guessFormat(tokenizer: Tokenizer, folder: string): ChatName {
  return /chat|instruct/i.test(folder) ? familyFormat(tokenizer) : "none";
}
