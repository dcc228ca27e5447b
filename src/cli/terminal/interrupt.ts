/** Ctrl-C and its relatives: the first signal asks the work to stop, the second ends the process at once. */

import { SAME_PRESS_MS } from "../supervisor/link.cjs";
import { SIGNAL_CODES } from "./exit-code.js";

type Signal = keyof typeof SIGNAL_CODES;

export class Interrupt {
  /** Code to exit with once the work has stopped; null while no signal came. */
  exitCode: number | null = null;
  readonly #onSignal: (name: Signal) => void;

  constructor(onInterrupt: () => void) {
    this.#onSignal = oncePerPress((name: Signal) => {
      if (this.exitCode !== null) {
        // The user has asked twice: the signal's own way to end loses output. process.exit() would wait for the ranks'
        // threads, and abort where one is inside the runtime.
        this.dispose();
        process.kill(process.pid, name);
        return;
      }
      this.exitCode = SIGNAL_CODES[name];
      onInterrupt();
    });
    for (const name of signals) process.on(name, this.#onSignal);
  }

  /** Whether an error is no more than the stop that a signal has asked for. */
  explains(error: unknown): boolean {
    return this.exitCode !== null && error instanceof Error && error.name === "AbortError";
  }

  /** Gives signals their usual meaning back. */
  dispose(): void {
    for (const name of signals) process.off(name, this.#onSignal);
  }
}

/** Signals that come together are one wish, see SAME_PRESS_MS. */
export function oncePerPress<A extends unknown[]>(onSignal: (...args: A) => void): (...args: A) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (...args) => {
    const isSamePress = performance.now() - last < SAME_PRESS_MS;
    last = performance.now();
    if (!isSamePress) onSignal(...args);
  };
}

const signals = Object.keys(SIGNAL_CODES) as Signal[];
