/** Logits changed by rules before one is chosen: bias of single tokens, penalties of those that came before. Knows ids; chooses none. */

export interface PenaltyOptions {
  /** Above 1 makes every token of prompt and text less likely, as in CTRL and Hugging Face; 1 is off. */
  repetitionPenalty: number;
  /** Taken once from the logit of each token of the text, as OpenAI's; 0 is off. */
  presencePenalty: number;
  /** Taken from the logit for each time a token stands in the text, as OpenAI's; 0 is off. */
  frequencyPenalty: number;
  /** Added to the logit of a token; -Infinity forbids it. */
  logitBias: ReadonlyMap<number, number>;
}

/** The rules for one sequence, which they follow token by token. */
export class Penalties {
  readonly #options: PenaltyOptions;
  /** How often each id stands in the text; 0 for those of the prompt alone. */
  readonly #counts = new Map<number, number>();

  constructor(options: PenaltyOptions, promptIds: readonly number[]) {
    this.#options = options;
    if (options.repetitionPenalty !== 1) for (const id of promptIds) this.#counts.set(id, 0);
  }

  /** Whether these options change anything. */
  static isActive({ repetitionPenalty, presencePenalty, frequencyPenalty, logitBias }: PenaltyOptions): boolean {
    return repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0 || logitBias.size > 0;
  }

  /** A changed copy: bias first, then the repetition penalty, then presence and frequency. */
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

  /** Takes note of the token that was chosen. */
  push(id: number): void {
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
  }
}
