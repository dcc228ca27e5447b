/** Handles SIGINT, SIGTERM and SIGHUP: the first asks the work to stop, the second ends the process at once. */

import { SAME_PRESS_MS } from "../supervisor/link.cjs";
import { reportSignal } from "../supervisor/supervised.js";
import { SIGNAL_CODES } from "./exit-code.js";

type Signal = keyof typeof SIGNAL_CODES;

export class Interrupt {
  /** Code to exit with after the work has stopped; null before the first signal. */
  exitCode: number | null = null;
  readonly #onSignal: (name: Signal) => void;

  readonly #names: readonly Signal[];

  /** `others`: signals that are left to others. */
  constructor(onInterrupt: () => void, others: readonly Signal[] = []) {
    this.#names = signals.filter((name) => !others.includes(name));
    this.#onSignal = oncePerPress((name: Signal) => {
      if (this.exitCode !== null) {
        // Second signal: let the signal itself end the process, although output may be lost. process.exit() would wait for
        // the ranks' threads, and abort if one is inside the runtime.
        this.dispose();
        process.kill(process.pid, name);
        return;
      }
      this.exitCode = SIGNAL_CODES[name];
      onInterrupt();
    });
    for (const name of this.#names) process.on(name, this.#onSignal);
  }

  /** True if an error is only the abort that a signal has requested. */
  explains(error: unknown): boolean {
    return this.exitCode !== null && error instanceof Error && error.name === "AbortError";
  }

  /** Restores the default handling of signals. */
  dispose(): void {
    for (const name of this.#names) process.off(name, this.#onSignal);
  }
}

/** Calls `onSignal` once for signals that arrive together, see SAME_PRESS_MS. */
export function oncePerPress<A extends unknown[]>(onSignal: (...args: A) => void): (...args: A) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (...args) => {
    reportSignal();
    const isSamePress = performance.now() - last < SAME_PRESS_MS;
    last = performance.now();
    if (!isSamePress) onSignal(...args);
  };
}

const signals = Object.keys(SIGNAL_CODES) as Signal[];
