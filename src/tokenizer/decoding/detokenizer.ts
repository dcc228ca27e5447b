/** The interface that decodes token ids to text, id by id; each kind of vocabulary implements it. */
import { LlamaError } from "../../error.js";

/** Streaming detokeniser: what `push` and `flush` return, concatenated, is the decoded text. */
export interface Detokenizer {
  /** Adds an id and returns the text that is final with it, often "". Throws a LlamaError for an id outside the vocabulary. */
  push(id: number): string;
  /** Ends the text: an incomplete character becomes as many U+FFFD as in the model's own decoder. */
  flush(): string;
  /**
   * Adds the ids that precede the text, without returning their text. The text then keeps its leading space and
   * completes a character that begins in the last of these ids.
   */
  prime(ids: readonly number[]): void;
  /** The bytes of an id by itself where it may be a part of a character; null where it is a whole text, or none. */
  bytes(id: number): number[] | null;
}

/** The error for an id outside a vocabulary. */
export function unknownId(id: number, vocabSize: number): LlamaError {
  return new LlamaError("usage", "token id is not in the vocabulary", {
    expected: `an integer from 0 to ${vocabSize - 1}`,
    found: String(id),
  });
}
