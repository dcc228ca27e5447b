/**
 * Reads edited lines from a terminal with node's readline, with history and completion; a paste stays one text.
 * Keys typed during an answer wait for the next prompt. Does not know what lines mean.
 */
import { createInterface, type Interface } from "node:readline";
import { PassThrough } from "node:stream";
import { oncePerPress } from "../../terminal/interrupt.js";
import type { Line, Lines } from "./lines.js";

const CTRL_C = 0x03;
const [PASTE_ON, PASTE_OFF] = ["\x1b[?2004h", "\x1b[?2004l"];
const [PASTE_START, PASTE_END] = ["\x1b[200~", "\x1b[201~"];
/** Number of history lines in memory. */
const HISTORY = 1000;

/** The stream that readline reads instead of stdin, so that keys can be withheld from it. */
class Keys extends PassThrough {
  readonly isTTY = true;

  setRawMode(isRaw: boolean): this {
    // The terminal may have been closed.
    if (process.stdin.isTTY) process.stdin.setRawMode(isRaw);
    return this;
  }
}

export interface TerminalOptions {
  /** Newest first. */
  history: string[];
  complete: (line: string) => [string[], string];
  /** Called with each line that was entered. */
  onLine: (text: string) => void;
}

export class TerminalLines implements Lines {
  readonly isInteractive = true;
  onInterrupt = () => {};
  readonly #keys = new Keys();
  readonly #output: NodeJS.WriteStream;
  readonly #reader: Interface;
  #pasted: string[] = [];
  #isPasting = false;
  #isEnded = false;
  #ahead: Buffer[] = [];
  /** Lines that arrived in the same chunk as the line that was read. */
  readonly #queued: string[] = [];
  #wake: ((line: Line) => void) | null = null;
  /** The beginning of a mark of a paste whose rest has not arrived. */
  #head = Buffer.alloc(0);
  /** Bytes of a paste whose end has not arrived. */
  #paste: Buffer | null = null;
  readonly #onData = (chunk: Buffer) => {
    // A Ctrl-C by itself is a key: the end of the paste was lost.
    if (chunk.length === 1 && chunk[0] === CTRL_C) this.#paste = null;
    if (this.#wake || this.#paste) this.#feed(chunk);
    else if (chunk.includes(CTRL_C)) this.onInterrupt();
    else this.#ahead.push(chunk);
  };
  readonly #onEnd = () => this.#reader.close();
  readonly #onSignal = oncePerPress(() => (this.#wake ? this.#interrupt() : this.onInterrupt()));

  constructor({ history, complete, onLine }: TerminalOptions) {
    this.#output = process.stdout.isTTY ? process.stdout : process.stderr;
    this.#reader = createInterface({
      input: this.#keys,
      output: this.#output,
      terminal: true,
      history,
      historySize: HISTORY,
      removeHistoryDuplicates: true,
      completer: complete,
    });
    this.#reader.on("SIGINT", () => this.#interrupt());
    // After Ctrl-Z and fg, readline is paused.
    this.#reader.on("SIGCONT", () => this.#reader.prompt(true));
    this.#reader.on("close", () => {
      this.#isEnded = true;
      this.#deliver({ kind: "end" });
    });
    this.#reader.on("line", (text) => {
      onLine(text);
      if (this.#isPasting) {
        this.#pasted.push(text);
        this.#reader.setPrompt("... ");
        this.#reader.prompt();
      } else {
        const lines = [...this.#pasted, text];
        this.#pasted = [];
        if (this.#wake) this.#deliver({ kind: "line", text: lines.join("\n") });
        else this.#queued.push(lines.join("\n"));
      }
    });
    process.stdin.on("data", this.#onData).on("end", this.#onEnd).on("error", this.#onEnd);
    process.on("SIGINT", this.#onSignal);
  }

  read(prompt: string): Promise<Line> {
    const text = this.#queued.shift();
    if (text !== undefined) return Promise.resolve({ kind: "line", text });
    if (this.#isEnded) return Promise.resolve({ kind: "end" });
    this.#output.write(PASTE_ON);
    this.#reader.setPrompt(prompt);
    this.#reader.prompt();
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#typeAhead();
    });
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
    process.stdin.off("data", this.#onData).off("end", this.#onEnd).off("error", this.#onEnd);
    this.#output.write(PASTE_OFF);
    this.#reader.close();
    process.stdin.pause();
  }

  /** Passes keys typed earlier to readline, up to the first line end outside a paste; the rest waits for the next prompt. */
  #typeAhead(): void {
    const typed = Buffer.concat(this.#ahead);
    if (typed.length === 0) return;
    const isEnd = (byte: number) => byte === 0x0d || byte === 0x0a;
    let end = typed.findIndex(isEnd) + 1;
    const paste = typed.indexOf(PASTE_START);
    if (paste >= 0 && paste < end) {
      const pasted = typed.indexOf(PASTE_END, paste);
      end = pasted < 0 ? 0 : typed.findIndex((byte, at) => at > pasted && isEnd(byte)) + 1;
    }
    if (end === 0) end = typed.length;
    this.#ahead = end < typed.length ? [typed.subarray(end)] : [];
    this.#feed(typed.subarray(0, end));
  }

  /** Passes keys to readline; the text of a paste is inserted as it is, since a tab in it is not a key. */
  #feed(chunk: Buffer): void {
    let bytes = Buffer.concat([this.#head, chunk]);
    this.#head = Buffer.alloc(0);
    if (this.#paste === null) {
      const start = bytes.indexOf(PASTE_START);
      if (start < 0) {
        const head = headLength(bytes);
        this.#head = bytes.subarray(bytes.length - head);
        this.#keys.write(bytes.subarray(0, bytes.length - head));
        return;
      }
      this.#keys.write(bytes.subarray(0, start));
      this.#paste = Buffer.alloc(0);
      bytes = bytes.subarray(start + PASTE_START.length);
    }
    this.#paste = Buffer.concat([this.#paste, bytes]);
    const end = this.#paste.indexOf(PASTE_END);
    if (end < 0) return;
    const text = this.#paste.toString("utf8", 0, end);
    const rest = this.#paste.subarray(end + PASTE_END.length);
    this.#paste = null;
    // What was typed before the paste comes first.
    setImmediate(() => {
      this.#isPasting = true;
      this.#reader.write(text.replace(/\r\n?/g, "\n"));
      this.#isPasting = false;
      if (rest.length > 0) this.#feed(rest);
    });
  }

  #interrupt(): void {
    const hadText = this.#reader.line !== "" || this.#pasted.length > 0;
    this.#pasted = [];
    this.#isPasting = false;
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

/** Bytes at the end that may be the beginning of PASTE_START; two of them may be another key. */
function headLength(bytes: Buffer): number {
  for (let length = Math.min(bytes.length, PASTE_START.length - 1); length > 2; length--) {
    if (bytes.subarray(bytes.length - length).equals(Buffer.from(PASTE_START.slice(0, length)))) return length;
  }
  return 0;
}
