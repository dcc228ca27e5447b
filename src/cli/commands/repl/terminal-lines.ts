/**
 * Reads edited lines from a terminal with node's readline, with history, its search and completion; a paste stays one text.
 * Keys typed during an answer wait for the next prompt. Does not know what lines mean.
 */
import { createInterface, type Interface } from "node:readline";
import { PassThrough } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { oncePerPress } from "../../terminal/interrupt.js";
import { KeyReader, type KeyToken } from "../../terminal/key-reader.js";
import { HistorySearch } from "./history-search.js";
import type { Line, Lines } from "./lines.js";

const [CTRL_C, CTRL_G, CTRL_R, ESC] = ["\x03", "\x07", "\x12", "\x1b"];
const BACKSPACE = ["\x08", "\x7f"];
const [PASTE_ON, PASTE_OFF] = ["\x1b[?2004h", "\x1b[?2004l"];
/** Number of history entries in memory. */
const HISTORY = 1000;

/** The stream that readline reads instead of stdin, so that keys can be withheld from it. */
class Keys extends PassThrough {
  readonly isTTY = true;

  setRawMode(isRaw: boolean): this {
    // The terminal may have been closed.
    if (process.stdin.isTTY) process.stdin.setRawMode(isRaw);
    return this;
  }

  /** readline acts on a key before this returns. */
  press(key: string): void {
    this.emit("data", key);
  }
}

/** What readline lets be set, although its types say otherwise. */
type Editor = Interface & { line: string; cursor: number; history: string[] };

export interface TerminalOptions {
  /** Newest first; an entry may have several lines. */
  history: string[];
  complete: (line: string) => [string[], string];
  /** Called with each entry that is new in the history. */
  onEntry: (text: string) => void;
}

export class TerminalLines implements Lines {
  readonly isInteractive = true;
  onInterrupt = () => {};
  readonly #keys = new Keys();
  readonly #tokens = new KeyReader();
  readonly #decoder = new StringDecoder("utf8");
  readonly #output: NodeJS.WriteStream;
  readonly #reader: Editor;
  readonly #onEntry: (text: string) => void;
  /** Newest first. */
  readonly #entries: string[];
  #search: HistorySearch | null = null;
  /** The line and the prompt before the search. */
  #before = { line: "", prompt: "" };
  #pasted: string[] = [];
  #isPasting = false;
  #isEnded = false;
  /** What arrived while no line was read. */
  #ahead = "";
  #wake: ((line: Line) => void) | null = null;
  readonly #onData = (chunk: Buffer) => {
    const sent = this.#decoder.write(chunk);
    // A Ctrl-C by itself is a key: the end of the paste was lost.
    if (sent === CTRL_C) this.#tokens.abandonPaste();
    if (this.#wake || this.#tokens.isPasting) this.#feed(sent);
    else if (sent.includes(CTRL_C)) this.onInterrupt();
    else this.#ahead += sent;
  };
  /** readline draws its prompt again at every new width, also in the middle of an answer. */
  readonly #redraws: readonly (() => void)[];
  readonly #onResize = () => {
    if (this.#wake) for (const redraw of this.#redraws) redraw();
  };
  readonly #onEnd = () => this.#reader.close();
  readonly #onSignal = oncePerPress(() => (this.#wake ? this.#interrupt() : this.onInterrupt()));

  constructor({ history, complete, onEntry }: TerminalOptions) {
    this.#output = process.stdout.isTTY ? process.stdout : process.stderr;
    this.#entries = history.slice(0, HISTORY);
    this.#onEntry = onEntry;
    const others = this.#output.listeners("resize");
    this.#reader = createInterface({
      input: this.#keys,
      output: this.#output,
      terminal: true,
      history: [...this.#entries],
      historySize: HISTORY,
      completer: complete,
    }) as Editor;
    this.#redraws = this.#output.listeners("resize").filter((one) => !others.includes(one)) as (() => void)[];
    for (const redraw of this.#redraws) this.#output.off("resize", redraw);
    this.#output.on("resize", this.#onResize);
    this.#reader.on("SIGINT", () => this.#interrupt());
    // After Ctrl-Z and fg, readline is paused.
    this.#reader.on("SIGCONT", () => this.#reader.prompt(true));
    this.#reader.on("close", () => {
      this.#isEnded = true;
      this.#deliver({ kind: "end" });
    });
    this.#reader.on("line", (text) => {
      this.#restoreHistory();
      // From Node 24 on, readline divides the lines of a recalled entry by \r.
      this.#pasted.push(text.replaceAll("\r", "\n"));
      if (this.#isPasting) {
        this.#reader.setPrompt("... ");
        this.#reader.prompt();
      } else this.#deliver({ kind: "line", text: this.#pasted.splice(0).join("\n") });
    });
    process.stdin.on("data", this.#onData).on("end", this.#onEnd).on("error", this.#onEnd);
    process.on("SIGINT", this.#onSignal);
  }

  read(prompt: string): Promise<Line> {
    if (this.#isEnded) return Promise.resolve({ kind: "end" });
    this.#output.write(PASTE_ON);
    this.#reader.setPrompt(prompt);
    this.#reader.prompt();
    return new Promise((resolve) => {
      this.#wake = resolve;
      const ahead = this.#ahead;
      this.#ahead = "";
      this.#feed(ahead);
    });
  }

  remember(entry: string): void {
    if (entry.trim() === "" || entry === this.#entries[0]) return;
    const at = this.#entries.indexOf(entry);
    if (at >= 0) this.#entries.splice(at, 1);
    this.#entries.unshift(entry);
    this.#entries.length = Math.min(this.#entries.length, HISTORY);
    this.#restoreHistory();
    this.#onEntry(entry);
  }

  async suspendFor<T>(work: () => Promise<T>): Promise<T> {
    process.stdin.pause();
    this.#keys.setRawMode(false);
    try {
      return await work();
    } finally {
      this.#keys.setRawMode(true);
      process.stdin.resume();
    }
  }

  close(): void {
    process.off("SIGINT", this.#onSignal);
    this.#output.off("resize", this.#onResize);
    process.stdin.off("data", this.#onData).off("end", this.#onEnd).off("error", this.#onEnd);
    this.#output.write(PASTE_OFF);
    this.#reader.close();
    process.stdin.pause();
  }

  /** readline adds each line to the history by itself, also those that are part of an entry. */
  #restoreHistory(): void {
    this.#reader.history.splice(0, this.#reader.history.length, ...this.#entries);
  }

  /** Takes what was sent, up to the end of the line; the rest waits for the next prompt. */
  #feed(sent: string): void {
    const tokens = this.#tokens.push(sent);
    for (const [i, token] of tokens.entries()) {
      if (!this.#wake) {
        this.#ahead += tokens
          .slice(i)
          .map(({ raw }) => raw)
          .join("");
        return;
      }
      if (this.#search) this.#searchFor(token);
      else this.#take(token);
    }
  }

  #take({ kind, text }: KeyToken): void {
    if (kind === "paste") this.#insertLines(text.replace(/\r\n?/g, "\n").split("\n"));
    else if (text === CTRL_R) {
      this.#search = new HistorySearch(this.#entries);
      this.#before = { line: this.#reader.line, prompt: this.#reader.getPrompt() };
      this.#showSearch();
    } else if (kind === "text" && text.length > 1) this.#insert(text);
    else this.#keys.press(text);
  }

  /**
   * Inserts text at the cursor. readline's own insertion of several characters at once puts the last ones elsewhere in Node 20.20,
   * and counts the rows of a long text wrongly in all versions.
   */
  #insert(text: string, after = this.#reader.line.slice(this.#reader.cursor)): void {
    const before = this.#reader.line.slice(0, this.#reader.cursor) + text;
    this.#reader.line = before + after;
    this.#reader.cursor = before.length;
    this.#reader.prompt(true);
  }

  /** Inserts a paste; what is after the cursor stays after it. */
  #insertLines(lines: readonly string[]): void {
    const after = this.#reader.line.slice(this.#reader.cursor);
    for (const line of lines.slice(0, -1)) {
      this.#insert(line, "");
      this.#isPasting = true;
      this.#keys.press("\r");
      this.#isPasting = false;
    }
    this.#insert(lines.at(-1)!, after);
  }

  #searchFor(token: KeyToken): void {
    const search = this.#search!;
    if (token.kind === "text") search.add(token.text);
    else if (token.text === CTRL_R) search.older();
    else if (BACKSPACE.includes(token.text)) search.shorten();
    else {
      // Any other key ends the search; these two with the line as it was.
      const isCancelled = [ESC, CTRL_G].includes(token.text);
      this.#search = null;
      this.#show(this.#before.prompt, isCancelled ? this.#before.line : this.#reader.line);
      if (!isCancelled) this.#take(token);
      return;
    }
    this.#showSearch();
  }

  #showSearch(): void {
    const { query, match } = this.#search!;
    const isMissing = query !== "" && match === null;
    this.#show(`(${isMissing ? "not found" : "search"}: ${query}) `, match ?? this.#before.line);
  }

  #show(prompt: string, line: string): void {
    this.#reader.setPrompt(prompt);
    this.#reader.line = line;
    this.#reader.cursor = line.length;
    this.#reader.prompt(true);
  }

  #interrupt(): void {
    const hadText = this.#reader.line !== "" || this.#pasted.length > 0;
    this.#search = null;
    this.#pasted = [];
    // Ctrl-E and Ctrl-U: clear the line.
    this.#reader.write(null, { ctrl: true, name: "e" });
    this.#reader.write(null, { ctrl: true, name: "u" });
    if (!hadText) this.#output.write("\n");
    else this.#output.write("\r\x1b[K");
    this.#deliver({ kind: "interrupt", hadText });
  }

  #deliver(line: Line): void {
    const wake = this.#wake;
    this.#wake = null;
    if (wake && line.kind !== "interrupt") this.#output.write(PASTE_OFF);
    wake?.(line);
  }
}
