/**
 * Writes a stream of values, as server-sent events or lines. What is written never waits for the reader: text is small. A reader that
 * has 8 MiB still to read loses its connection, as one that takes nothing for a minute does with every answer (http-listener.ts). Does
 * not know what the values mean.
 */
import type { ServerResponse } from "node:http";

const MAX_BEHIND = 8 << 20;
const CHECK_MS = 5_000;

/** How values are written. */
export interface Framing {
  readonly type: string;
  frame(value: unknown): string;
  /** Ends a whole stream. */
  readonly end: string;
  /** Breaks a silence; "" where the form has no comments. */
  readonly ping: string;
}

export const EVENTS: Framing = {
  type: "text/event-stream; charset=utf-8",
  frame: (value) => `data: ${JSON.stringify(value)}\n\n`,
  end: "data: [DONE]\n\n",
  ping: ": ping\n\n",
};

/** Events with their type as name. */
export const NAMED_EVENTS: Framing = {
  ...EVENTS,
  frame: (value) => `event: ${(value as { type: string }).type}\ndata: ${JSON.stringify(value)}\n\n`,
  end: "",
};

/** A line each value. */
export const LINES: Framing = {
  type: "application/x-ndjson",
  frame: (value) => `${JSON.stringify(value)}\n`,
  end: "",
  ping: "",
};

export class EventStream {
  readonly #outgoing: ServerResponse;
  readonly #framing: Framing;
  readonly #pingMs: number;
  readonly #timer: NodeJS.Timeout | undefined;
  #lastWrite = performance.now();
  #isOver = false;

  /** Sends the headers; those set before go with them. A comment goes out after `pingMs` of silence, 0: never. */
  constructor(outgoing: ServerResponse, pingMs: number, framing = EVENTS) {
    this.#outgoing = outgoing;
    this.#framing = framing;
    this.#pingMs = framing.ping === "" ? 0 : pingMs;
    outgoing.writeHead(200, {
      "content-type": framing.type,
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    });
    outgoing.flushHeaders();
    const interval = Math.min(CHECK_MS, this.#pingMs / 2);
    if (this.#pingMs > 0) this.#timer = setInterval(() => this.#check(), interval).unref();
    outgoing.on("close", () => this.#stop());
  }

  send(value: unknown): void {
    this.#write(this.#framing.frame(value));
  }

  /** Ends a whole stream. */
  done(): void {
    if (this.#framing.end !== "") this.#write(this.#framing.end);
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
    if (this.#outgoing.writableLength > MAX_BEHIND) this.#outgoing.destroy();
  }

  #check(): void {
    if (performance.now() - this.#lastWrite >= this.#pingMs) this.#write(this.#framing.ping);
  }

  #stop(): void {
    this.#isOver = true;
    clearInterval(this.#timer);
  }
}
