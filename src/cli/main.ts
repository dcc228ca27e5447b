/** The entry point of the worker process: runs the command line and turns its outcome into an exit code. */
import { isatty } from "node:tty";
import { fileURLToPath } from "node:url";
import { CommanderError } from "@commander-js/extra-typings";
import { hasAbandonedRanks } from "../engine/host/abandoned-ranks.js";
import { failurePlace, LlamaError } from "../error.js";
import { normaliseArgv } from "./options/argv.js";
import { createProgram } from "./program.js";
import { connectToSupervisor, endNow } from "./supervisor/supervised.js";
import { EXIT_BUG, EXIT_CODES, EXIT_OK, EXIT_USAGE } from "./terminal/exit-code.js";
import { printBug, printError, printNote } from "./terminal/notes.js";
import { tolerateClosedPipes } from "./terminal/output.js";
import { placeLine } from "./terminal/summary.js";

// Without a listener Node opens its debugger's port at this signal.
process.on("SIGUSR1", () => {});
if (process.argv[1] === fileURLToPath(import.meta.url)) connectToSupervisor();
tolerateClosedPipes();
// No process.exit() here: output to a pipe must drain first.
const exitCode = await run(process.argv.slice(2));
process.exitCode = exitCode;
// Text and messages are written by now, so the process can be killed.
if (hasAbandonedRanks()) endNow(exitCode);

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
  // commander has already printed its message or the requested help.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  // Any file can be the one too many, also a module.
  if (["EMFILE", "ENFILE"].includes((error as NodeJS.ErrnoException).code ?? "")) {
    printError(`${(error as Error).message}. Raise the limit (ulimit -n)`);
    return EXIT_CODES.runtime;
  }
  const exitCode = error instanceof LlamaError ? EXIT_CODES[error.kind] : EXIT_BUG;
  if (error instanceof LlamaError) printError(error.message);
  else printBug(error);
  const place = failurePlace(error);
  // For a bad file the rank does not matter.
  if (place && exitCode !== EXIT_CODES.model) printNote(placeLine(place));
  return exitCode;
}
