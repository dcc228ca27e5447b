/** Detects that no rank of a group makes progress any more. Does not know what the ranks do. */

/** Checks within the timeout. */
const CHECKS = 10;

/**
 * Counts checks without progress instead of reading the clock: while the whole process is stopped (Ctrl-Z, a suspended
 * machine) no checks run, so that time does not count as a stall.
 */
export class StallWatch {
  hasStalled = false;
  readonly #progress: () => number;
  readonly #timeoutMs: number;
  readonly #onStall: () => void;
  #timer: NodeJS.Timeout | null = null;

  /** `progress` returns a number that changes whenever any rank makes progress. `timeoutMs` of 0: never. */
  constructor(progress: () => number, timeoutMs: number, onStall: () => void) {
    this.#progress = progress;
    this.#timeoutMs = timeoutMs;
    this.#onStall = onStall;
  }

  start(): void {
    this.stop();
    if (this.#timeoutMs === 0) return;
    let before = this.#progress();
    let silentChecks = 0;
    this.#timer = setInterval(() => {
      const now = this.#progress();
      silentChecks = now === before ? silentChecks + 1 : 0;
      before = now;
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
