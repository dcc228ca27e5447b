/** Tells when no rank of a group gets on any more. Knows beats and time; not what is being done. */
import { countBeats } from "../shared/heartbeat.js";

/** Looks in the time that is allowed. */
const LOOKS = 10;

/**
 * Time is counted in looks, not by the clock: while the whole process stands still (Ctrl-Z, a suspended machine) there are
 * no looks, and the ranks are not blamed.
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
    let looks = 0;
    this.#timer = setInterval(() => {
      const now = countBeats(this.#heartbeats);
      looks = now === beats ? looks + 1 : 0;
      beats = now;
      if (looks < LOOKS) return;
      this.stop();
      this.hasStalled = true;
      this.#onStall();
    }, this.#timeoutMs / LOOKS);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }
}
