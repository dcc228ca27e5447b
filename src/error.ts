/** The one error class for failures the user can act on; it knows exit codes only as numbers. Everything else that is thrown is a bug and keeps its stack. */

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
}

/** An expected failure: `message` is one readable line made of where, what went wrong, expected, found and fix. */
export class LlamaError extends Error {
  override readonly name = "LlamaError";
  readonly kind: ErrorKind;

  constructor(kind: ErrorKind, problem: string, details: ErrorDetails = {}) {
    const { where, expected, found, fix, cause } = details;
    let message = where === undefined ? problem : `${where}: ${problem}`;
    if (expected !== undefined) message += `; expected ${expected}`;
    if (found !== undefined) message += `${expected === undefined ? ";" : ","} found ${found}`;
    if (fix !== undefined) message += `. ${fix}`;
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}
