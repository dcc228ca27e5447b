/** Checks and prepares a text before a library encodes it. Does not know tokens. */
import { LlamaError } from "../../error.js";

/** UTF-16 units; far above any context, and below what exhausts the memory of the encoding libraries. */
const MAX_TEXT = 1_000_000;

/** Returns the text in a form that libraries can encode as UTF-8; throws a LlamaError if it is too long. */
export function encodable(text: string): string {
  if (text.length > MAX_TEXT) {
    throw new LlamaError("usage", "text is too long to encode", {
      expected: `at most ${MAX_TEXT} characters`,
      found: String(text.length),
    });
  }
  // A lone surrogate has no UTF-8 form, and libraries do not define how they encode it.
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}
