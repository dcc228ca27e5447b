/** Counts and times of a generation. Prefill runs the prompt, decode one token a row and step, or more where guesses hold. */

export interface Timings {
  prefill_ms: number;
  /** Prompt tokens a second; null when nothing ran. */
  prefill_tps: number | null;
  decode_ms: number;
  /** Tokens that decode steps gave a second, over all rows (guesses that failed do not count); null when nothing ran. */
  decode_tps: number | null;
  /** Guesses that prompt lookup had computed. */
  draft_tokens: number;
  /** Those of them that became part of the text. */
  accepted_tokens: number;
  /** Tokens that a decode step gave a row on average, 1 without guesses; null when nothing ran. */
  tokens_per_step: number | null;
}

export class GenerationStats {
  /** Prompt tokens that were computed. */
  promptTokens = 0;
  /** Prompt tokens whose keys and values were those of another row. */
  reusedTokens = 0;
  generatedTokens = 0;
  prefillMs = 0;
  decodeMs = 0;
  draftTokens = 0;
  acceptedTokens = 0;
  /** Rows of all decode steps; each gives one token and its accepted guesses. The first new token comes out of prefill. */
  #decodedRows = 0;

  /** A step's time is shared among its tokens: those of prompts and those of texts. */
  addStep({ prompt, rows, drafts }: { prompt: number; rows: number; drafts: number }, milliseconds: number): void {
    const perToken = milliseconds / (prompt + rows + drafts);
    this.promptTokens += prompt;
    this.prefillMs += perToken * prompt;
    this.#decodedRows += rows;
    this.draftTokens += drafts;
    this.decodeMs += perToken * (rows + drafts);
  }

  timings(): Timings {
    const rate = (tokens: number, ms: number) => (tokens > 0 && ms > 0 ? round((tokens * 1000) / ms) : null);
    const decoded = this.#decodedRows + this.acceptedTokens;
    return {
      prefill_ms: round(this.prefillMs),
      prefill_tps: rate(this.promptTokens, this.prefillMs),
      decode_ms: round(this.decodeMs),
      decode_tps: rate(decoded, this.decodeMs),
      draft_tokens: this.draftTokens,
      accepted_tokens: this.acceptedTokens,
      tokens_per_step: this.#decodedRows > 0 ? round(decoded / this.#decodedRows) : null,
    };
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
