/** Changes logits before sampling: bias for individual tokens, penalties for tokens that occurred before. Does not choose tokens. */

export interface PenaltyOptions {
  /** Above 1 makes every token of the prompt and the text less likely, as in CTRL (arXiv:1909.05858) and Hugging Face; 1: off. */
  repetitionPenalty: number;
  /** Subtracted once from the logit of each token in the generated text, as in OpenAI's API; 0: off. */
  presencePenalty: number;
  /** Subtracted from a token's logit once per occurrence in the generated text, as in OpenAI's API; 0: off. */
  frequencyPenalty: number;
  /** Added to the logit of a token; -Infinity forbids it. */
  logitBias: ReadonlyMap<number, number>;
}

/** The penalties of one sequence; counts its tokens one by one. */
export class Penalties {
  readonly #options: PenaltyOptions;
  /** Occurrences of each id in the generated text; 0 for ids only in the prompt. */
  readonly #counts = new Map<number, number>();

  constructor(options: PenaltyOptions, promptIds: readonly number[]) {
    this.#options = options;
    if (options.repetitionPenalty !== 1) for (const id of promptIds) this.#counts.set(id, 0);
  }

  /** Whether these options change anything. */
  static isActive({ repetitionPenalty, presencePenalty, frequencyPenalty, logitBias }: PenaltyOptions): boolean {
    return repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0 || logitBias.size > 0;
  }

  /** Returns a changed copy of `logits` [vocabSize]: bias first, then the repetition penalty, then presence and frequency. */
  apply(logits: Float32Array): Float32Array {
    const { repetitionPenalty, presencePenalty, frequencyPenalty, logitBias } = this.#options;
    const changed = logits.slice();
    for (const [id, bias] of logitBias) changed[id]! += bias;
    for (const [id, count] of this.#counts) {
      const logit = changed[id]!;
      const repeated = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
      changed[id] = count === 0 ? repeated : repeated - presencePenalty - frequencyPenalty * count;
    }
    return changed;
  }

  /** Counts the token that was chosen. */
  push(id: number): void {
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
  }
}
