/** What a text must be before a library encodes it. Knows characters, not tokens. */
import { LlamaError } from "../../error.js";

/** UTF-16 units; far above any context, and below what exhausts the memory of the libraries that encode. */
const MAX_TEXT = 1_000_000;

/** A text that a library can encode: not too long, and with a UTF-8 form. */
export function encodable(text: string): string {
  if (text.length > MAX_TEXT) {
    throw new LlamaError("usage", "text is too long to encode", {
      expected: `at most ${MAX_TEXT} characters`,
      found: String(text.length),
    });
  }
  // A lone surrogate has no UTF-8 form; what a library makes of it is left open.
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}
