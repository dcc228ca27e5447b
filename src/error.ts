/** The one error class for failures the user can act on. Everything else that is thrown is a bug and keeps its stack; one in a rank is a RankError. */

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

/** Where in a group of ranks a failure was observed first. */
export interface FailurePlace {
  rank: number;
  worldSize: number;
  /** load, prefill, decode or collective */
  phase: string;
  layer: number | null;
  /** Set when the rank's thread could not be ended: the process does not end by itself. */
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

/** An expected failure: `message` is one readable line made of where, what went wrong, expected, found and fix. */
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

/** Where a failure happened, if in a rank. */
export function failurePlace(error: unknown): FailurePlace | undefined {
  return error instanceof LlamaError || error instanceof RankError ? error.place : undefined;
}
