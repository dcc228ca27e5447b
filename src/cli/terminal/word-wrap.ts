/** Wraps text at the edge of the terminal between words, while it is printed piece by piece. Does not know where the text comes from. */
import stringWidth from "string-width";

export class WordWrap {
  readonly #columns: () => number;
  #column = 0;
  /** What is printed of the current word, and its width. */
  #word = "";
  #width = 0;

  /** `columns`: the current width of the terminal; 0 if it is not known. */
  constructor(columns: () => number) {
    this.#columns = columns;
  }

  /** Returns what to print: a word that would cross the edge is erased and begins the next line. */
  push(text: string): string {
    const columns = this.#columns();
    if (columns < 10) return text;
    let printed = "";
    for (const char of text) {
      if (char === "\n") {
        printed += char;
        this.#column = 0;
        this.#endWord();
        continue;
      }
      const width = char === "\t" ? 8 - (this.#column % 8) : stringWidth(char);
      const isSpace = char === " " || char === "\t";
      // The last column stays free: there terminals differ.
      if (this.#column + width > columns - 1) {
        if (isSpace) {
          printed += "\n";
          this.#column = 0;
          this.#endWord();
          continue;
        }
        const isMoved = this.#word !== "" && this.#width < this.#column;
        printed += isMoved ? `\x1b[${this.#width}D\x1b[K\n${this.#word}` : "\n";
        this.#column = isMoved ? this.#width : 0;
        if (!isMoved) this.#endWord();
      }
      printed += char;
      this.#column += width;
      if (isSpace) this.#endWord();
      else {
        this.#word += char;
        this.#width += width;
      }
    }
    return printed;
  }

  #endWord(): void {
    this.#word = "";
    this.#width = 0;
  }
}
