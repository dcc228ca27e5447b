/** The texts and bytes of single tokens, as answers write them. Does not know log-probabilities. */
import type { Detokenizer, Tokenizer } from "../../index.js";

export class TokenTexts {
  readonly #tokenizer: Tokenizer;
  readonly #detokenizer: Detokenizer;
  /** A token before the others: by itself, SentencePiece's first one loses its leading space. */
  readonly #anchor: number[];
  /** Tokens are asked for again and again. */
  readonly #known = new Map<number, { text: string; bytes: number[] }>();

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    this.#detokenizer = tokenizer.detokenizer();
    this.#anchor = tokenizer.encode("a").slice(-1);
  }

  /** A token within a text. */
  text(id: number): string {
    return this.#describe(id).text;
  }

  /** The bytes of a token within a text. */
  bytes(id: number): number[] {
    return this.#describe(id).bytes;
  }

  /** A token within a text; where it is not a whole character, OpenAI's form of its bytes, so that names stay distinct. */
  name(id: number): string {
    const { text, bytes } = this.#describe(id);
    if (!text.includes("\uFFFD") || bytes.length === 0) return text;
    return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}`;
  }

  #describe(id: number): { text: string; bytes: number[] } {
    let known = this.#known.get(id);
    if (known === undefined) {
      const stream = this.#tokenizer.detokenizer();
      stream.prime(this.#anchor);
      const text = stream.push(id) + stream.flush();
      const own = text.includes("\uFFFD") ? this.#detokenizer.bytes(id) : null;
      known = { text, bytes: own ?? [...Buffer.from(text)] };
      this.#known.set(id, known);
    }
    return known;
  }
}
