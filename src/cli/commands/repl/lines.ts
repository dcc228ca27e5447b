/** The interface of the REPL's input: lines, interrupts and an end. Does not know commands or messages. */

/** A line; or Ctrl-C, with whether it discarded typed text; or the end of the input. */
export type Line = { kind: "line"; text: string } | { kind: "interrupt"; hadText: boolean } | { kind: "end" };

export interface Lines {
  /** True on a terminal: prompts, hints and figures are shown. */
  readonly isInteractive: boolean;
  read(prompt: string): Promise<Line>;
  /** Adds a whole message to the history, if there is one. */
  remember(entry: string): void;
  /** Called for Ctrl-C or SIGINT while no line is being read. */
  onInterrupt: () => void;
  /** Releases the terminal and the input to another program while `work` runs. */
  suspendFor<T>(work: () => Promise<T>): Promise<T>;
  close(): void;
}
