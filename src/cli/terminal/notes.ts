/** Prints notes and errors for a human on stderr, coloured or not. */
import { chalkStderr } from "chalk";

// chalk reads FORCE_COLOR but not NO_COLOR (https://no-color.org: set and not empty).
if (process.env.NO_COLOR && process.env.FORCE_COLOR === undefined) chalkStderr.level = 0;

/** Applies --color; "auto" lets the terminal and the environment decide. */
export function setColor({ color: when }: { color?: string }): void {
  if (when === "never") chalkStderr.level = 0;
  if (when === "always" && chalkStderr.level === 0) chalkStderr.level = 1;
}

export function hasColor(): boolean {
  return chalkStderr.level > 0;
}

/** Prints an informative line. */
export function printNote(text: string): void {
  process.stderr.write(`${chalkStderr.dim(text)}\n`);
}

/** Prints the single line of an expected failure. */
export function printError(message: string): void {
  process.stderr.write(`${chalkStderr.red("llama-ts:")} ${message}\n`);
}

/** Prints an unexpected error with its stack. */
export function printBug(error: unknown): void {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  printError(`unexpected failure, please report it\n${stack}`);
}
