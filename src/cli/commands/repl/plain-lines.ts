/** Reads lines from a pipe or a dumb terminal, without line editing. */
import { createInterface, type Interface } from "node:readline";
import { oncePerPress } from "../../terminal/interrupt.js";
import type { Line, Lines } from "./lines.js";

export class PlainLines implements Lines {
  readonly isInteractive: boolean;
  onInterrupt = () => {};
  readonly #reader: Interface;
  readonly #waiting: string[] = [];
  #isEnded = false;
  #wake: ((line: Line) => void) | null = null;
  readonly #onSignal = oncePerPress(() => {
    if (this.#wake) this.#deliver({ kind: "interrupt", hadText: false });
    else this.onInterrupt();
  });

  constructor(isInteractive: boolean) {
    this.isInteractive = isInteractive;
    this.#reader = createInterface({ input: process.stdin, terminal: false });
    this.#reader.on("line", (text) => {
      if (this.#wake) this.#deliver({ kind: "line", text });
      else this.#waiting.push(text);
    });
    this.#reader.on("close", () => {
      this.#isEnded = true;
      this.#deliver({ kind: "end" });
    });
    process.on("SIGINT", this.#onSignal);
  }

  read(prompt: string): Promise<Line> {
    if (this.isInteractive) process.stdout.write(prompt);
    const text = this.#waiting.shift();
    if (text !== undefined) return Promise.resolve({ kind: "line", text });
    if (this.#isEnded) return Promise.resolve({ kind: "end" });
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

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
