/** Counts and times of requests. Prefill runs prompts; decode gives a token a request and step, or more where drafts are accepted. */

export interface Timings {
  prefillMs: number;
  /** Prompt tokens a second; null when nothing ran. */
  prefillTps: number | null;
  decodeMs: number;
  /** Tokens that decode steps gave a second, over all requests (rejected drafts do not count); null when nothing ran. */
  decodeTps: number | null;
  /** Drafts of prompt lookup that were computed. */
  draftTokens: number;
  /** Those of them that became part of the text. */
  acceptedTokens: number;
  /** Tokens that a decode step gave a request on average, 1 without drafts; null when nothing ran. */
  tokensPerStep: number | null;
}

export class GenerationStats {
  /** Prompt tokens that were computed. */
  promptTokens = 0;
  /** Prompt tokens that were found in a KV cache. */
  reusedTokens = 0;
  generatedTokens = 0;
  prefillMs = 0;
  decodeMs = 0;
  draftTokens = 0;
  acceptedTokens = 0;
  /** Requests of all decode steps; each gives a token and its accepted drafts. The first new token comes out of prefill. */
  #decodedRows = 0;

  /** A step's time is shared among its tokens, those of prompts and those of texts; `milliseconds` is a request's part. */
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
      prefillMs: round(this.prefillMs),
      prefillTps: rate(this.promptTokens, this.prefillMs),
      decodeMs: round(this.decodeMs),
      decodeTps: rate(decoded, this.decodeMs),
      draftTokens: this.draftTokens,
      acceptedTokens: this.acceptedTokens,
      tokensPerStep: this.#decodedRows > 0 ? round(decoded / this.#decodedRows) : null,
    };
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
