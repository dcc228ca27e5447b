/** What turns token ids back into text, id by id; each kind of vocabulary has its own. Knows no vocabulary. */
import { LlamaError } from "../../error.js";

/** Streaming detokeniser: what `push` and `flush` return, put together, is the decoded text. */
export interface Detokenizer {
  /** Adds an id and returns the text that is final with it, often "". Throws LlamaError for an id outside the vocabulary. */
  push(id: number): string;
  /** Ends the text: an incomplete character becomes U+FFFD, as often as the model's own decoder has it. */
  flush(): string;
  /**
   * Adds the ids that stand before the text, without giving their text. The text then keeps its leading space, and
   * completes a character of which the last of these ids are the first bytes.
   */
  prime(ids: readonly number[]): void;
}

/** The error for an id outside a vocabulary. */
export function unknownId(id: number, vocabSize: number): LlamaError {
  return new LlamaError("usage", "token id is not in the vocabulary", {
    expected: `an integer from 0 to ${vocabSize - 1}`,
    found: String(id),
  });
}
