/** Detects that no rank of a group makes progress any more. Counts heartbeats; does not know what the ranks do. */
import { countBeats } from "../shared/heartbeat.js";

/** Checks within the timeout. */
const CHECKS = 10;

/**
 * Counts checks without progress instead of reading the clock: while the whole process is stopped (Ctrl-Z, a suspended
 * machine) no checks run, so that time does not count as a stall.
 */
export class StallWatch {
  hasStalled = false;
  readonly #heartbeats: SharedArrayBuffer;
  readonly #timeoutMs: number;
  readonly #onStall: () => void;
  #timer: NodeJS.Timeout | null = null;

  /** `timeoutMs` of 0: never. */
  constructor(heartbeats: SharedArrayBuffer, timeoutMs: number, onStall: () => void) {
    this.#heartbeats = heartbeats;
    this.#timeoutMs = timeoutMs;
    this.#onStall = onStall;
  }

  start(): void {
    this.stop();
    if (this.#timeoutMs === 0) return;
    let beats = countBeats(this.#heartbeats);
    let silentChecks = 0;
    this.#timer = setInterval(() => {
      const now = countBeats(this.#heartbeats);
      silentChecks = now === beats ? silentChecks + 1 : 0;
      beats = now;
      if (silentChecks < CHECKS) return;
      this.stop();
      this.hasStalled = true;
      this.#onStall();
    }, this.#timeoutMs / CHECKS);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }
}
