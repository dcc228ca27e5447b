/**
 * Writes server-sent events. What is written never waits for the reader: text is small. A reader that takes nothing for a minute,
 * or has 8 MiB still to read, loses its connection. Does not know what the events mean.
 */
import type { ServerResponse } from "node:http";

const MAX_BEHIND = 8 << 20;
const STALL_MS = 60_000;
const CHECK_MS = 5_000;

export class EventStream {
  readonly #outgoing: ServerResponse;
  readonly #pingMs: number;
  readonly #timer: NodeJS.Timeout;
  #lastWrite = performance.now();
  /** Since when the reader has not taken all; null while it keeps up. */
  #behindSince: number | null = null;
  #isOver = false;

  /** Sends the headers; those set before go with them. A comment goes out after `pingMs` of silence, 0: never. */
  constructor(outgoing: ServerResponse, pingMs: number) {
    this.#outgoing = outgoing;
    this.#pingMs = pingMs;
    outgoing.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    });
    outgoing.flushHeaders();
    this.#timer = setInterval(() => this.#check(), pingMs > 0 ? Math.min(CHECK_MS, pingMs / 2) : CHECK_MS).unref();
    outgoing.on("drain", () => {
      this.#behindSince = null;
    });
    outgoing.on("close", () => this.#stop());
  }

  send(value: unknown): void {
    this.#write(`data: ${JSON.stringify(value)}\n\n`);
  }

  /** Ends a whole stream. */
  done(): void {
    this.#write("data: [DONE]\n\n");
    this.#stop();
    this.#outgoing.end();
  }

  /** Ends a stream that failed: clients throw at such an event. */
  fail(body: unknown): void {
    this.send(body);
    this.#stop();
    this.#outgoing.end(() => this.#outgoing.socket?.destroySoon());
  }

  #write(text: string): void {
    if (this.#isOver || this.#outgoing.destroyed) return;
    this.#lastWrite = performance.now();
    if (this.#outgoing.write(text)) return;
    this.#behindSince ??= performance.now();
    if (this.#outgoing.writableLength > MAX_BEHIND) this.#outgoing.destroy();
  }

  #check(): void {
    const now = performance.now();
    if (this.#behindSince !== null && now - this.#behindSince > STALL_MS) this.#outgoing.destroy();
    else if (this.#pingMs > 0 && now - this.#lastWrite >= this.#pingMs) this.#write(": ping\n\n");
  }

  #stop(): void {
    this.#isOver = true;
    clearInterval(this.#timer);
  }
}
