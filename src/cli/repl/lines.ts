/** What the dialogue reads from: lines one by one, with an end. Knows neither commands nor messages. */

/** One line; or Ctrl-C, and whether there was text that it took away; or the end of the input. */
export type Line = { kind: "line"; text: string } | { kind: "interrupt"; hadText: boolean } | { kind: "end" };

export interface Lines {
  /** A human sits there: prompts, hints and figures are wanted. */
  readonly isInteractive: boolean;
  read(prompt: string): Promise<Line>;
  /** Ctrl-C, or a signal that means it, while nothing is read. */
  onInterrupt: () => void;
  /** Leaves terminal and input to another program for a while. */
  lend<T>(work: () => Promise<T>): Promise<T>;
  close(): void;
}

/** Two signals no further apart are one press: some programs pass on what the terminal has sent already. */
const SAME_PRESS_MS = 100;

/** Calls `onPress` once for each press of Ctrl-C that comes as a signal. */
export function pressed(onPress: () => void): () => void {
  let last = Number.NEGATIVE_INFINITY;
  return () => {
    const isAgain = performance.now() - last < SAME_PRESS_MS;
    last = performance.now();
    if (!isAgain) onPress();
  };
}
