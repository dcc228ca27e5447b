/** The type of the option `chat`, for its check. Does not know formats. */
import { either, OBJECT, type OptionType, oneOf } from "../options/check-options.js";
import { CHAT_NAMES } from "./chat-format.js";

const TEMPLATE: OptionType = {
  type: "{template: a Jinja template}",
  isType: (value) => OBJECT.isType(value) && typeof (value as { template?: unknown }).template === "string",
};

export const CHAT_CHOICE: OptionType = either(oneOf("auto", ...CHAT_NAMES, "text"), TEMPLATE);
