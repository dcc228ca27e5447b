/** The program's start and end: runs the command line and turns what happened into an exit code. */
import { isatty } from "node:tty";
import { CommanderError } from "@commander-js/extra-typings";
import { LlamaError } from "../error.js";
import { normaliseArgv } from "./argv.js";
import { EXIT_BUG, EXIT_CODES, EXIT_OK, EXIT_USAGE } from "./exit-code.js";
import { printBug, printError } from "./notes.js";
import { tolerateClosedPipes } from "./output.js";
import { createProgram } from "./program.js";

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
  if (error instanceof LlamaError) {
    printError(error.message);
    return EXIT_CODES[error.kind];
  }
  printBug(error);
  return EXIT_BUG;
}
