/** What binds the tokens of one answer to its form. Does not know the engine of grammars. */

/** Lives as long as a request: the loop closes it. Ids are those that the form has seen, in order; stop ids are never among them. */
export interface Constraint {
  /** Whether the answers to all that was asked are there, so that nothing below waits. */
  readonly isReady: boolean;
  /** Resolves when it is ready. Never rejects: `mask` throws what went wrong. */
  ready(): Promise<void>;
  /** Tokens that may follow now by the form's only continuation, as the tokenizer writes it: guesses that sampling verifies. */
  forced(): readonly number[];
  /** Takes guesses of the next tokens; resolves to those from the first on that the form allows. Masks after each are then prepared. */
  guess(ids: readonly number[]): Promise<readonly number[]>;
  /** A copy of `logits` [tokens] in which tokens that may not follow the first `at` guesses have -Infinity. Throws LlamaError where none may. */
  mask(logits: Float32Array, at: number): Float32Array;
  /** The tokens that were chosen, the first of which may be guesses. */
  accept(ids: readonly number[]): void;
  /** Whether the form is complete after `at` guesses and `ids`, and whether nothing but an end may follow. */
  readonly isComplete: boolean;
  readonly isOver: boolean;
  close(): void;
}
