/** The program's start and end: runs the command line and turns what happened into an exit code. */
import { isatty } from "node:tty";
import { fileURLToPath } from "node:url";
import { CommanderError } from "@commander-js/extra-typings";
import { failurePlace, LlamaError } from "../error.js";
import { normaliseArgv } from "./options/argv.js";
import { createProgram } from "./program.js";
import { attendSupervisor, endNow } from "./supervisor/supervised.js";
import { EXIT_BUG, EXIT_CODES, EXIT_OK, EXIT_USAGE } from "./terminal/exit-code.js";
import { printBug, printError, printNote } from "./terminal/notes.js";
import { tolerateClosedPipes } from "./terminal/output.js";
import { placeLine } from "./terminal/summary.js";

if (process.argv[1] === fileURLToPath(import.meta.url)) attendSupervisor();
tolerateClosedPipes();
// Never process.exit() here: what was written to a pipe must drain first.
process.exitCode = await run(process.argv.slice(2));

async function run(argv: readonly string[]): Promise<number> {
  let exitCode = EXIT_OK;
  const program = createProgram((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(normaliseArgv(argv, program, isatty(0)), { from: "user" });
    return exitCode;
  } catch (error) {
    return report(error);
  }
}

function report(error: unknown): number {
  // commander has printed its message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  const exitCode = error instanceof LlamaError ? EXIT_CODES[error.kind] : EXIT_BUG;
  if (error instanceof LlamaError) printError(error.message);
  else printBug(error);
  const place = failurePlace(error);
  // Of a bad file it is all the same which rank read it.
  if (place && exitCode !== EXIT_CODES.model) printNote(placeLine(place));
  // What is written to stderr has been written.
  if (place?.isStuck) endNow(exitCode);
  return exitCode;
}
