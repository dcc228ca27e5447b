/** Progress on a terminal: a spinner for loading and verifying, and a status line for other long work. */

import type { Ora } from "ora";
import { plural, showPart } from "../../formats/files/amounts.js";
import { hasColor, printNote } from "./notes.js";

/** A shorter load shows nothing, to avoid flicker. */
const SHOW_AFTER_MS = 150;
/** Estimates from a shorter time are unreliable. */
const ESTIMATE_AFTER_MS = 500;

export class LoadProgress {
  readonly #verb: string;
  readonly #suffix: string;
  readonly #start = performance.now();
  readonly #timer: NodeJS.Timeout | null;
  #spinner: Ora | null = null;
  #text: string;
  #stopped = false;

  /** The number of ranks is shown if it is known before loading. */
  constructor(verb: "Loading" | "Verifying", ranks: number | "auto", isShown: boolean) {
    this.#verb = verb;
    this.#text = verb;
    this.#suffix = typeof ranks === "number" ? `, ${plural(ranks, "rank")}` : "";
    this.#timer = isShown && isInteractive() ? setTimeout(() => void this.#show(), SHOW_AFTER_MS) : null;
  }

  update(bytes: number, total: number): void {
    this.#text = amountText(this.#verb, bytes, total, performance.now() - this.#start) + this.#suffix;
    if (this.#spinner) this.#spinner.text = this.#text;
  }

  /** Prints a permanent line above the spinner. */
  printAbove(text: string): void {
    this.#spinner?.clear();
    printNote(text);
  }

  /** Removes the line. */
  stop(): void {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#spinner?.stop();
  }

  async #show(): Promise<void> {
    const { default: ora } = await import("ora");
    if (this.#stopped) return;
    // ora's discardStdin would set raw mode, where Ctrl-C does not send a signal.
    const options = { stream: process.stderr, discardStdin: false, isEnabled: true, text: this.#text };
    this.#spinner = ora(hasColor() ? options : { ...options, color: false }).start();
  }
}

function isInteractive(): boolean {
  const { CI, TERM } = process.env;
  // With a terminal that reports no width (docker without -it, some editors), ora would count lines for ever.
  return process.stderr.isTTY === true && process.stderr.columns > 0 && !CI && TERM !== "dumb";
}

/** One line on a terminal that the caller updates. No timer runs, so that it does not disturb a measurement. */
export class StatusLine {
  readonly #isShown: boolean;
  #isEmpty = true;

  constructor(isShown: boolean) {
    this.#isShown = isShown && isInteractive();
  }

  show(text: string): void {
    if (!this.#isShown) return;
    process.stderr.write(`\r${text.slice(0, process.stderr.columns - 1)}\x1b[K`);
    this.#isEmpty = false;
  }

  /** Removes the line. */
  clear(): void {
    if (this.#isEmpty) return;
    process.stderr.write("\r\x1b[K");
    this.#isEmpty = true;
  }
}

/** "Loading 7.1 of 13.5 GB (53 %), 12 s left" */
export function amountText(verb: string, bytes: number, total: number, elapsedMs: number): string {
  if (total <= 0) return verb;
  const text = `${verb} ${showPart(bytes, total)} (${Math.floor((bytes * 100) / total)} %)`;
  if (bytes <= 0 || bytes >= total || elapsedMs < ESTIMATE_AFTER_MS) return text;
  const seconds = Math.ceil((((total - bytes) / bytes) * elapsedMs) / 1000);
  return `${text}, ${seconds < 100 ? `${seconds} s` : `${Math.round(seconds / 60)} min`} left`;
}

/** "Reading the prompt: 512 of 3000 tokens, 24 tok/s, 104 s left" */
export function promptText(done: number, total: number, elapsedMs: number): string {
  const rate = (done * 1000) / elapsedMs;
  const speed = rate >= 10 ? rate.toFixed(0) : rate.toFixed(1);
  return `Reading the prompt: ${done} of ${total} tokens, ${speed} tok/s, ${Math.ceil((total - done) / rate)} s left`;
}
