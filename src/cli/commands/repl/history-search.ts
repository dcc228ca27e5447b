/** The state of a search through the history, as Ctrl-R in a shell. Does not know the terminal. */

export class HistorySearch {
  query = "";
  readonly #entries: readonly string[];
  /** Where the match is; entries.length: there is no match. */
  #at = -1;

  /** `entries`: newest first. */
  constructor(entries: readonly string[]) {
    this.#entries = entries;
  }

  /** The entry that contains the query; null if none does, or if there is no query. */
  get match(): string | null {
    return this.#entries[this.#at] ?? null;
  }

  add(text: string): void {
    this.query += text;
    this.#find(Math.max(this.#at, 0));
  }

  /** Removes the last character of the query, and searches from the newest entry again. */
  shorten(): void {
    this.query = [...this.query].slice(0, -1).join("");
    this.#find(0);
  }

  /** Continues to an older match, if there is one. */
  older(): void {
    const before = this.#at;
    this.#find(this.#at + 1);
    if (this.match === null && before >= 0) this.#at = before;
  }

  #find(from: number): void {
    const isFound = (entry: string, i: number) => i >= from && entry.includes(this.query);
    const found = this.query === "" ? -1 : this.#entries.findIndex(isFound);
    this.#at = this.query === "" ? -1 : found < 0 ? this.#entries.length : found;
  }
}
