/**
 * The tokens of a choice in step with its text: which of them have come when a piece of text is final, and where each begins.
 * A token of a stop string has no part in the text and never comes. Does not know JSON.
 */
import type { Completion, Detokenizer, Tokenizer, TokenLogprob } from "../../index.js";

/** A token, and where it begins in the text. */
export interface PlacedToken {
  id: number;
  /** What it adds to the text; may be empty while a character is incomplete. */
  text: string;
  /** In code points. */
  offset: number;
  /** Null unless asked for. */
  logprob: TokenLogprob | null;
}

interface HeldToken extends PlacedToken {
  /** In UTF-16 units, as the text is cut. */
  start: number;
}

export class TokenTrail {
  readonly #detokenizer: Detokenizer;
  #held: HeldToken[] = [];
  #decoded = 0;
  #points: number;
  /** Length of the text that has come. */
  #delivered = 0;
  #taken = 0;

  /** `offset`: code points of the text before the choice's own. */
  constructor(tokenizer: Tokenizer, promptIds: readonly number[], offset = 0) {
    this.#detokenizer = tokenizer.detokenizer();
    this.#detokenizer.prime(promptIds);
    this.#points = offset;
  }

  /** Adds a token and the text that is final with it; returns the tokens whose place in the text is decided. */
  push(id: number, text: string, logprob: TokenLogprob | null): PlacedToken[] {
    const decoded = this.#detokenizer.push(id);
    this.#held.push({ id, text: decoded, offset: this.#points, start: this.#decoded, logprob });
    this.#decoded += decoded.length;
    this.#points += [...decoded].length;
    this.#delivered += text.length;
    const count = this.#held.findIndex(({ start }) => start >= this.#delivered);
    const taken = this.#held.splice(0, count < 0 ? this.#held.length : count);
    this.#taken += taken.length;
    return taken;
  }

  /** The rest, with the stop token as a token of its own. */
  end({ ids, stopId, stopLogprob, text }: Completion, offset = 0): PlacedToken[] {
    const rest: PlacedToken[] = this.#held.slice(0, Math.max(0, ids.length - this.#taken));
    if (stopId !== null) rest.push({ id: stopId, text: "", offset: offset + [...text].length, logprob: stopLogprob });
    return rest;
  }
}

/** The tokens of a whole answer with their places. `offset`: code points of the text before it. */
export function placeAnswer(tokenizer: Tokenizer, completion: Completion, offset = 0): PlacedToken[] {
  const { promptIds, ids, text, logprobs } = completion;
  const trail = new TokenTrail(tokenizer, promptIds, offset);
  // The whole text is there: each token's place is decided at once.
  const placed = ids.flatMap((id, i) => trail.push(id, text, logprobs?.[i] ?? null));
  return [...placed, ...trail.end(completion, offset)];
}

/** The last tokens of a choice without the one that ended it. */
export function withoutStop(
  placed: readonly PlacedToken[],
  { completion: { stopId } }: { completion: Completion },
): PlacedToken[] {
  return stopId === null ? [...placed] : placed.slice(0, -1);
}

/** The tokens of a prompt with their places. `hidden`: ids at its beginning that are not reported. */
export function placePrompt(prompt: readonly TokenLogprob[], hidden: number): PlacedToken[] {
  let offset = 0;
  return prompt.slice(hidden).map((logprob) => {
    const placed = { id: logprob.id, text: logprob.text, offset, logprob };
    offset += [...logprob.text].length;
    return placed;
  });
}
