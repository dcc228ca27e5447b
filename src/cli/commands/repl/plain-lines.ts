/** Reads lines from a pipe or a dumb terminal, without line editing. */
import { createInterface, type Interface } from "node:readline";
import { decodeText } from "../../../formats/files/text.js";
import { oncePerPress } from "../../terminal/interrupt.js";
import type { Line, Lines } from "./lines.js";

export class PlainLines implements Lines {
  readonly isInteractive: boolean;
  onInterrupt = () => {};
  readonly #reader: Interface;
  /** Lines whose text has a character for each byte. */
  readonly #waiting: Line[] = [];
  #isEnded = false;
  #count = 0;
  #wake: ((line: Line) => void) | null = null;
  readonly #onSignal = oncePerPress(() => {
    if (this.#wake) this.#deliver({ kind: "interrupt", hadText: false });
    else this.onInterrupt();
  });

  constructor(isInteractive: boolean) {
    this.isInteractive = isInteractive;
    // A character of latin1 for each byte, so that text that is not UTF-8 is noticed and not replaced.
    this.#reader = createInterface({ input: process.stdin.setEncoding("latin1"), terminal: false });
    this.#reader.on("line", (text) => {
      const line = { kind: "line", text } as const;
      if (this.#wake) this.#deliver(line);
      else this.#waiting.push(line);
    });
    this.#reader.on("close", () => {
      this.#isEnded = true;
      this.#deliver({ kind: "end" });
    });
    process.on("SIGINT", this.#onSignal);
  }

  /** Throws LlamaError (usage) for a line that is not UTF-8. */
  async read(prompt: string): Promise<Line> {
    if (this.isInteractive) process.stdout.write(prompt);
    const line = this.#waiting.shift() ?? (await this.#next());
    if (line.kind !== "line") return line;
    const bytes = Buffer.from(line.text, "latin1");
    return { kind: "line", text: decodeText(bytes, `line ${++this.#count} of stdin`) };
  }

  #next(): Promise<Line> {
    if (this.#isEnded) return Promise.resolve({ kind: "end" });
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Without editing there is no history. */
  remember(): void {}

  async suspendFor<T>(work: () => Promise<T>): Promise<T> {
    this.#reader.pause();
    try {
      return await work();
    } finally {
      this.#reader.resume();
    }
  }

  close(): void {
    process.off("SIGINT", this.#onSignal);
    this.#reader.close();
    process.stdin.pause();
  }

  #deliver(line: Line): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.(line);
  }
}
