/**
 * Leaves long texts to the thread that encodes, for work that encodes as it goes: the work is done again once their ids are
 * there. Does not know what the work is.
 */
import { type EncodeThread, LONG_TEXT } from "../../tokenizer/loading/encode-thread.js";
import { type EncodeOptions, requireEos, type Tokenizer } from "../../tokenizer/tokenizer.js";

/** Thrown out of the work: a text whose ids are not there yet. */
class Missing {
  readonly text: string;
  readonly special: boolean;

  constructor(text: string, special: boolean) {
    this.text = text;
    this.special = special;
  }
}

export class LongTexts {
  /** For the work. Outside of run() it encodes every text at once. */
  readonly tokenizer: Tokenizer;
  readonly #thread: EncodeThread;
  /** Ids of long texts by what was asked for; null outside of run(). */
  #known: Map<string, number[]> | null = null;

  constructor(tokenizer: Tokenizer, thread: EncodeThread) {
    this.#thread = thread;
    const encode = (text: string, options: EncodeOptions = {}): number[] => {
      if (this.#known === null || text.length < LONG_TEXT) return tokenizer.encode(text, options);
      const { bos = false, eos = false, special = false } = options;
      const ids = this.#known.get(keyOf(text, special));
      if (ids === undefined) throw new Missing(text, special);
      const { bosId, addsBos } = tokenizer;
      const start = bos && addsBos && bosId !== null ? [bosId] : [];
      return [...start, ...ids, ...(eos ? [requireEos(tokenizer)] : [])];
    };
    this.tokenizer = { ...tokenizer, encode };
  }

  /** The result of `work`, which encodes by `tokenizer` and has no other effects: at once, or later if it has a long text. */
  run<T>(work: () => T): T | Promise<T> {
    const known = new Map<string, number[]>();
    const first = this.#try(work, known);
    return first instanceof Missing ? this.#wait(work, known, first) : first;
  }

  async #wait<T>(work: () => T, known: Map<string, number[]>, first: Missing): Promise<T> {
    for (let missing = first; ; ) {
      const { text, special } = missing;
      known.set(keyOf(text, special), await this.#thread.encode(text, special));
      const result = this.#try(work, known);
      if (!(result instanceof Missing)) return result;
      missing = result;
    }
  }

  #try<T>(work: () => T, known: Map<string, number[]>): T | Missing {
    this.#known = known;
    try {
      return work();
    } catch (error) {
      if (error instanceof Missing) return error;
      throw error;
    } finally {
      this.#known = null;
    }
  }
}

function keyOf(text: string, special: boolean): string {
  return `${special ? "s" : "t"}${text}`;
}
