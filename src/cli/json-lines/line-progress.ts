/** Progress of a run over input lines: a live line on a terminal, one line per minute in a log. */
import { plural } from "../../formats/files/amounts.js";
import { printNote } from "../terminal/notes.js";
import { StatusLine } from "../terminal/status-line.js";

const SHOW_EVERY_MS = 200;
const LOG_EVERY_MS = 60_000;
/** Estimates from a shorter time are unreliable. */
const ESTIMATE_AFTER_MS = 2000;

export class LineProgress {
  answered = 0;
  failed = 0;
  /** Lines that an earlier run has answered. */
  skipped = 0;
  readonly #start = performance.now();
  readonly #isShown: boolean;
  readonly #status: StatusLine;
  readonly #total: number | null;
  /** Bytes of input before the first request of this run, and when that request began. */
  #first: { bytes: number; ms: number } | null = null;
  #shown = 0;
  #logged = performance.now();

  /** `total`: size of the input in bytes, null if unknown. */
  constructor(isShown: boolean, total: number | null) {
    this.#isShown = isShown;
    this.#status = new StatusLine(isShown);
    this.#total = total;
  }

  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  /** Call when a request starts; it ends at `bytes` of the input. */
  begin(bytes: number): void {
    this.#first ??= { bytes, ms: performance.now() };
  }

  /** Shows the progress: `bytes` of the input read, `tokens` generated. */
  show(bytes: number, tokens: number): void {
    if (!this.#isShown) return;
    const now = performance.now();
    if (now - this.#shown >= SHOW_EVERY_MS) {
      this.#shown = now;
      this.#status.show(this.#text(bytes, tokens));
    }
    if (now - this.#logged >= LOG_EVERY_MS && !process.stderr.isTTY) {
      this.#logged = now;
      printNote(this.#text(bytes, tokens));
    }
  }

  clear(): void {
    this.#status.clear();
  }

  /** "1,000 requests: 998 answered, 2 failed · 64,000 tokens in 79 s, 812 tok/s" */
  summary(tokens: number): string {
    const { answered, failed, skipped, seconds } = this;
    const parts = [`${number(answered)} answered`];
    if (failed > 0) parts.push(`${number(failed)} failed`);
    if (skipped > 0) parts.push(`${number(skipped)} already done`);
    const total = answered + failed + skipped;
    const rate = `${number(tokens)} tokens in ${duration(seconds)}, ${number(Math.round(tokens / seconds))} tok/s`;
    return `${plural(total, "request", number)}: ${parts.join(", ")} · ${rate}`;
  }

  #text(bytes: number, tokens: number): string {
    const done = this.answered + this.failed;
    const parts = [`${number(done)} done${this.failed > 0 ? ` (${number(this.failed)} failed)` : ""}`];
    parts.push(`${number(Math.round(tokens / this.seconds))} tok/s`);
    if (this.#total !== null && this.#total > 0) parts.push(`${Math.floor((bytes * 100) / this.#total)} %`);
    const left = this.#left(bytes);
    if (left !== null) parts.push(`${duration(left)} left`);
    return parts.join(" · ");
  }

  /** Estimated seconds left, from this run's speed through the input. */
  #left(bytes: number): number | null {
    if (this.#total === null || this.#first === null) return null;
    const ms = performance.now() - this.#first.ms;
    const read = bytes - this.#first.bytes;
    return ms < ESTIMATE_AFTER_MS || read <= 0 ? null : ((this.#total - bytes) / read) * (ms / 1000);
  }
}

export function number(value: number): string {
  return value.toLocaleString("en-GB");
}

export function duration(seconds: number): string {
  if (seconds < 100) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
