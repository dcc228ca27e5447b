/** Lines on stderr for a human: remarks and errors, and whether they are coloured. Knows nothing of what they are about. */
import { chalkStderr } from "chalk";

// chalk looks at FORCE_COLOR but not at NO_COLOR (https://no-color.org: set and not empty).
if (process.env.NO_COLOR && process.env.FORCE_COLOR === undefined) chalkStderr.level = 0;

/** --color: "auto" leaves it to the terminal and the environment. */
export function setColor({ color: when }: { color?: string }): void {
  if (when === "never") chalkStderr.level = 0;
  if (when === "always" && chalkStderr.level === 0) chalkStderr.level = 1;
}

export function hasColor(): boolean {
  return chalkStderr.level > 0;
}

/** A line that is good to know. */
export function printNote(text: string): void {
  process.stderr.write(`${chalkStderr.dim(text)}\n`);
}

/** The one line of an expected failure. */
export function printError(message: string): void {
  process.stderr.write(`${chalkStderr.red("llama-ts:")} ${message}\n`);
}

/** A bug, with its stack. */
export function printBug(error: unknown): void {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  printError(`unexpected failure, please report it\n${stack}`);
}
