/** Counts and times of a generation. Prefill runs the prompt, decode one token a row and step. */

export interface Timings {
  prefill_ms: number;
  /** Prompt tokens a second; null when nothing ran. */
  prefill_tps: number | null;
  decode_ms: number;
  /** Tokens a second of the decode steps, over all rows; null when nothing ran. */
  decode_tps: number | null;
}

export class GenerationStats {
  promptTokens = 0;
  generatedTokens = 0;
  prefillMs = 0;
  decodeMs = 0;
  /** Tokens that went through the model in decode steps: the first new token comes out of prefill already. */
  #decodedTokens = 0;

  add(prefill: boolean, tokens: number, milliseconds: number): void {
    if (prefill) {
      this.promptTokens += tokens;
      this.prefillMs += milliseconds;
    } else {
      this.#decodedTokens += tokens;
      this.decodeMs += milliseconds;
    }
  }

  timings(): Timings {
    const rate = (tokens: number, ms: number) => (tokens > 0 && ms > 0 ? round((tokens * 1000) / ms) : null);
    return {
      prefill_ms: round(this.prefillMs),
      prefill_tps: rate(this.promptTokens, this.prefillMs),
      decode_ms: round(this.decodeMs),
      decode_tps: rate(this.#decodedTokens, this.decodeMs),
    };
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
