/** Divides what a terminal sends into typed text, keys and pastes. Does not know what keys do. */

const [PASTE_START, PASTE_END] = ["\x1b[200~", "\x1b[201~"];
/** An escape sequence, a control character, or text; a tab with text after it was pasted. */
const TOKEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: keys are control characters
  /\x1b(?:\[\[[A-E]|\[[0-?]*[ -/]*[@-~]|O[ -~]|[^[O\x1b])?|(?:[^\x00-\x1f\x7f]|\t(?=[^\x00-\x1f\x7f]))+|[\s\S]/gu;
/** An escape sequence whose rest has not arrived; ESC alone is a key. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: keys are control characters
const UNFINISHED = /\x1b(?:O|\[\[?[0-?]*[ -/]*)$/;

/** `raw` is what the terminal sent. */
export interface KeyToken {
  kind: "text" | "key" | "paste";
  text: string;
  raw: string;
}

export class KeyReader {
  #held = "";
  /** The text of a paste whose end has not arrived. */
  #paste: string | null = null;
  /** True if the last token was ESC alone, which may begin a sequence. */
  #isEscaped = false;

  /** True between the start and the end of a paste. */
  get isPasting(): boolean {
    return this.#paste !== null;
  }

  /** Forgets a paste whose end was lost. */
  abandonPaste(): void {
    this.#paste = null;
  }

  push(sent: string): KeyToken[] {
    const tokens: KeyToken[] = [];
    let rest = this.#held + sent;
    this.#held = "";
    while (rest !== "") {
      if (this.#paste !== null) {
        const all = this.#paste + rest;
        const end = all.indexOf(PASTE_END);
        this.#paste = end < 0 ? all : null;
        if (end < 0) break;
        const text = all.slice(0, end);
        tokens.push({ kind: "paste", text, raw: PASTE_START + text + PASTE_END });
        rest = all.slice(end + PASTE_END.length);
        continue;
      }
      const joined = this.#isEscaped ? `\x1b${rest}` : rest;
      const start = joined.indexOf(PASTE_START);
      if (start === 0 && this.#isEscaped) tokens.push({ kind: "key", text: PASTE_START.slice(1), raw: "" });
      else this.#typed(start < 0 ? joined : joined.slice(0, start), tokens);
      if (start < 0) break;
      this.#isEscaped = false;
      this.#paste = "";
      rest = joined.slice(start + PASTE_START.length);
    }
    return tokens;
  }

  #typed(typed: string, tokens: KeyToken[]): void {
    const [unfinished = ""] = UNFINISHED.exec(typed) ?? [];
    this.#held = this.#isEscaped && unfinished === typed ? unfinished.slice(1) : unfinished;
    let isRest = this.#isEscaped;
    if (unfinished !== typed) this.#isEscaped = false;
    for (const [raw] of typed.slice(0, typed.length - unfinished.length).matchAll(TOKEN)) {
      const isText = raw.length > 1 ? !raw.startsWith("\x1b") : raw >= " " && raw !== "\x7f";
      // The ESC was already passed on.
      const sent = isRest ? raw.slice(1) : raw;
      isRest = false;
      this.#isEscaped = raw === "\x1b";
      if (sent !== "") tokens.push({ kind: isText ? "text" : "key", text: sent, raw: sent });
    }
  }
}
