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
  suspendFor<T>(work: () => Promise<T>): Promise<T>;
  close(): void;
}
