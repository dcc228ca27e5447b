/** The text of one row as it becomes final, id by id: characters are whole, and nothing of a stop string is given out. Knows nothing of logits. */
import type { Detokenizer } from "../../tokenizer/decoding/detokenizer.js";
import { StopStrings } from "./stop-strings.js";

export class CompletionText {
  readonly #detokenizer: Detokenizer;
  readonly #stops: StopStrings;
  /** All final text so far. */
  text = "";
  /** What takeText() has not given out yet. */
  #fresh = "";
  /** Length of the decoded text before each id. */
  readonly #starts: number[] = [];
  #decoded = 0;

  /** With `promptIds` the text is what follows them, its leading space included. */
  constructor(detokenizer: Detokenizer, stops: readonly string[], promptIds: readonly number[]) {
    this.#detokenizer = detokenizer;
    this.#stops = new StopStrings(stops);
    detokenizer.prime(promptIds);
  }

  /** Adds an id; returns whether a stop string is complete with it. */
  push(id: number): boolean {
    this.#starts.push(this.#decoded);
    const text = this.#detokenizer.push(id);
    this.#decoded += text.length;
    this.#add(this.#stops.push(text));
    return this.#stops.found;
  }

  /** Ends the text. */
  flush(): void {
    this.#add(this.#stops.push(this.#detokenizer.flush()));
    this.#add(this.#stops.flush());
  }

  /** What has become final since the last call. */
  takeText(): string {
    const text = this.#fresh;
    this.#fresh = "";
    return text;
  }

  /** How many of the ids have a part in the text: those of a stop string have none. */
  get idCount(): number {
    if (!this.#stops.found) return this.#starts.length;
    return this.#starts.filter((start) => start < this.text.length).length;
  }

  #add(text: string): void {
    this.text += text;
    this.#fresh += text;
  }
}
