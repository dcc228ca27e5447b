/** Log-probabilities of a completion's tokens with their texts: of the new ones, and with echo of the prompt's. Does not know sampling. */

import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import { logSoftmaxAt, type RankedToken, topLogprobs } from "../sampling/logprobs.js";
import { checkTopLogprobs, type GenerateOptions } from "../sampling/options.js";
import type { GenerationRequest, TokenEvent } from "../scheduling/request.js";

/** A token, the log-probability the model gave it (of the raw logits), and the most likely ones in its place. */
export interface TokenLogprob {
  id: number;
  /** Texts of tokens, put together, are the text; one may be empty while a character is incomplete. */
  text: string;
  /** Natural logarithm; null for the first token of a prompt, which follows nothing. */
  logprob: number | null;
  /** As many as asked for, most likely first. */
  top: { id: number; text: string; logprob: number }[];
}

export class TokenLogprobs {
  /** Of the new tokens; null unless asked for. */
  readonly tokens: TokenLogprob[] | null;
  /** Of the prompt's; null unless asked for with echo. */
  readonly prompt: TokenLogprob[] | null;
  readonly #tokenizer: Tokenizer;
  readonly #promptIds: readonly number[];
  readonly #count: number;
  /** A token before the most likely ones; -1 where none are asked for. */
  readonly #anchor: number;

  constructor(tokenizer: Tokenizer, promptIds: readonly number[], options: GenerateOptions) {
    checkTopLogprobs(options.topLogprobs);
    this.#tokenizer = tokenizer;
    this.#promptIds = promptIds;
    this.#count = options.topLogprobs ?? 0;
    this.#anchor = this.#count > 0 ? tokenizer.encode("a").at(-1)! : -1;
    this.tokens = options.logprobs ? [] : null;
    this.prompt = options.logprobs && options.echo ? [] : null;
    if (!this.prompt) return;
    const detokenizer = tokenizer.detokenizer();
    const texts = promptIds.map((id) => detokenizer.push(id));
    texts[texts.length - 1] += detokenizer.flush();
    this.prompt.push(...promptIds.map((id, i) => ({ id, text: texts[i]!, logprob: null, top: [] })));
  }

  /** The request, with what it has to report for this. */
  request(request: GenerationRequest): GenerationRequest {
    if (!this.tokens) return request;
    const take = (index: number, logits: Float32Array) => this.#score(index + 1, logits);
    return { ...request, logprobs: true, topLogprobs: this.#count, ...(this.prompt && { score: { from: 0, take } }) };
  }

  /** Takes note of a new token, whose text may be that of tokens before it. */
  add(event: TokenEvent, text: string): TokenLogprob | null {
    if (!this.tokens) return null;
    const token = this.describe(event, text);
    this.tokens.push(token);
    return token;
  }

  /** A token as it is reported. */
  describe({ id, logprob, top }: Pick<TokenEvent, "id" | "logprob" | "top">, text: string): TokenLogprob {
    return { id, text, logprob, top: this.#ranked(top ?? []) };
  }

  /** Forgets the tokens after the first `count`, which are those of a stop string. */
  cut(count: number): void {
    if (this.tokens) this.tokens.length = Math.min(this.tokens.length, count);
  }

  #score(index: number, logits: Float32Array): void {
    const id = this.#promptIds[index];
    if (id === undefined) return;
    const token = this.prompt![index]!;
    token.logprob = logSoftmaxAt(logits, id);
    token.top = this.#ranked(topLogprobs(logits, this.#count, this.#tokenizer.vocabSize));
  }

  /** Texts as they are within a text: a token by itself would lose its leading space. */
  #ranked(tokens: readonly RankedToken[]): TokenLogprob["top"] {
    return tokens.map(({ id, logprob }) => {
      const detokenizer = this.#tokenizer.detokenizer();
      detokenizer.prime([this.#anchor]);
      return { id, text: detokenizer.push(id) + detokenizer.flush(), logprob };
    });
  }
}
