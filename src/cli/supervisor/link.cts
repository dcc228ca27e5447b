/** What the supervisor and its child agree on. */

/** The child's end of the pipe between them. Node's own channel ("ipc") costs 3 to 5 ms more. */
export const PIPE_FD = 3;
/** Set for the child alone. */
export const SUPERVISED = "LLAMA_TS_SUPERVISED";
/** Signals that are no further apart are one wish: a terminal, timeout(1) and the supervisor all send to both processes. */
export const SAME_PRESS_MS = 100;

/** What the child tells, as lines of JSON; "alive" answers whatever the supervisor sends. */
export type SupervisedMessage =
  | { kind: "alive" }
  | { kind: "state"; state: { phase?: string; estimate?: number } }
  /** A thread cannot be ended: end the process, with this exit code. */
  | { kind: "end"; exitCode: number };

/** What is known of the child, for when it dies. */
export interface Watched {
  /** What it was doing. */
  phase: string;
  /** Bytes it expected to need; null as long as it has not said. */
  estimate: number | null;
  /** Bytes it held at most; null where the system does not tell. */
  peak: number | null;
  /** Whether the kernel has killed for want of memory since the start. */
  wasMemoryShort: boolean;
}
