/** The protocol between the supervisor and its child: pipe, environment variable and messages. */

/** The child's file descriptor of the pipe between them. Node's own channel ("ipc") costs 3 to 5 ms more. */
export const PIPE_FD = 3;
/** The environment variable that is set only for the child: "1", or after a restart the port that it had. */
export const SUPERVISED = "LLAMA_TS_SUPERVISED";
/** Signals closer together than this count as one: a terminal, timeout(1) and the supervisor all signal both processes. */
export const SAME_PRESS_MS = 250;

/** Restarts without a limit: JSON has no infinity. */
export const NO_LIMIT = 1e9;

/** The child's messages, as lines of JSON; "alive" answers anything that the supervisor sends. */
export type SupervisedMessage =
  | { kind: "alive" }
  /** A signal has come: the supervisor need not forward its own. */
  | { kind: "signal" }
  | { kind: "state"; state: ChildState }
  /** A thread cannot be stopped: kill the process and exit with this code. */
  | { kind: "end"; exitCode: number };

export interface ChildState {
  /** What the child is doing. */
  phase?: string;
  /** Estimated memory need in bytes. */
  estimate?: number;
  /** How often a child that fails may be started again within RESTART_WINDOW_MS; 0: it ends the command; NO_LIMIT: as often as it fails. */
  restarts?: number;
  /** Where it listens: a new one shall have the same. */
  port?: number;
  /** A process that the child has started for its successors too, and that must end with the command; 0: none. */
  helper?: number;
}

/** What the supervisor knows about the child, for the report if it dies. */
export interface Watched {
  /** What the child is doing. */
  phase: string;
  /** Estimated memory need in bytes; null until the child reports it. */
  estimate: number | null;
  /** Peak memory in bytes; null if the system does not report it. */
  peak: number | null;
  /** True if the kernel has killed a process because it was out of memory since the start. */
  wasOutOfMemory: boolean;
  restarts: number;
  port: number | null;
  helper: number;
  /** Limit of the address space in bytes; Infinity without one. */
  addressSpace: number;
}
