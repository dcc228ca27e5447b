/** The error classes: LlamaError for failures the user can act on, RankError for unexpected ones in a rank. Anything else thrown is a bug and keeps its stack. */

/** What a failure means to a caller; the command line maps each kind to an exit code. */
export type ErrorKind = "runtime" | "usage" | "model" | "memory";

export interface ErrorDetails {
  /** File, tensor, key or option the failure is about. */
  where?: string;
  expected?: string;
  found?: string;
  /** What the user can do about it. */
  fix?: string;
  cause?: unknown;
  /** Set when it happened in a rank. */
  place?: FailurePlace;
}

/** Where in a group of ranks a failure was first observed. */
export interface FailurePlace {
  rank: number;
  worldSize: number;
  /** load, prefill, decode or collective */
  phase: string;
  layer: number | null;
  /** Set when the rank's thread could not be stopped: the process will not exit by itself. */
  isStuck?: boolean;
}

/** An unexpected failure in a rank. */
export class RankError extends Error {
  override readonly name = "RankError";
  readonly place: FailurePlace;

  constructor(message: string, place: FailurePlace) {
    super(message);
    this.place = place;
  }
}

/** An expected failure; `message` is one line: where, what went wrong, what was expected, what was found, how to fix it. */
export class LlamaError extends Error {
  override readonly name = "LlamaError";
  readonly kind: ErrorKind;
  readonly place: FailurePlace | undefined;

  constructor(kind: ErrorKind, problem: string, details: ErrorDetails = {}) {
    const { where, expected, found, fix, cause, place } = details;
    let message = where === undefined ? problem : `${where}: ${problem}`;
    if (expected !== undefined) message += `; expected ${expected}`;
    if (found !== undefined) message += `${expected === undefined ? ";" : ","} found ${found}`;
    if (fix !== undefined) message += `. ${fix}`;
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.place = place;
  }
}

/** Where a failure happened; undefined if it was not in a rank. */
export function failurePlace(error: unknown): FailurePlace | undefined {
  return error instanceof LlamaError || error instanceof RankError ? error.place : undefined;
}
