/** The exit codes of the program, and which error gives which. */
import type { ErrorKind } from "../../error.js";

export const EXIT_OK = 0;
export const EXIT_BUG = 1;
export const EXIT_USAGE = 2;

/** Exit code of each kind of expected failure. */
export const EXIT_CODES: Readonly<Record<ErrorKind, number>> = { runtime: 1, usage: EXIT_USAGE, model: 3, memory: 4 };

/** Signals that end a command in an orderly way, with the exit code that a shell expects: 128 + signal number. */
export const SIGNAL_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
