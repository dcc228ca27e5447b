/** The text of one completion as it becomes final, id by id: characters are whole, and no part of a stop string is returned. Does not know logits. */
import type { Detokenizer } from "../../tokenizer/decoding/detokenizer.js";
import { StopStrings } from "./stop-strings.js";

export class CompletionText {
  readonly #detokenizer: Detokenizer;
  readonly #stops: StopStrings;
  /** All final text so far. */
  text = "";
  /** Length of the decoded text before each id. */
  readonly #starts: number[] = [];
  #decoded = 0;

  /** With `promptIds` the text is what follows them, its leading space included. */
  constructor(detokenizer: Detokenizer, stops: readonly string[], promptIds: readonly number[]) {
    this.#detokenizer = detokenizer;
    this.#stops = new StopStrings(stops);
    detokenizer.prime(promptIds);
  }

  /** Adds an id; returns the text that is final with it, and whether a stop string is complete. */
  push(id: number): { text: string; isLast: boolean } {
    this.#starts.push(this.#decoded);
    const decoded = this.#detokenizer.push(id);
    this.#decoded += decoded.length;
    const text = this.#add(this.#stops.push(decoded));
    return { text, isLast: this.#stops.found !== null };
  }

  /** Ends the text; returns what was held back. */
  flush(): string {
    return this.#add(this.#stops.push(this.#detokenizer.flush())) + this.#add(this.#stops.flush());
  }

  /** Number of ids so far. */
  get pushed(): number {
    return this.#starts.length;
  }

  /** The stop string that ended it. */
  get stopString(): string | null {
    return this.#stops.found;
  }

  /** How many of the ids have a part in the text: those of a stop string have none. */
  get idCount(): number {
    if (this.#stops.found === null) return this.#starts.length;
    return this.#starts.filter((start) => start < this.text.length).length;
  }

  #add(text: string): string {
    this.text += text;
    return text;
  }
}
