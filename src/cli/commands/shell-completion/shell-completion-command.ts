/** The command `completion`: prints a script for a shell. */
import { Argument, type Command } from "@commander-js/extra-typings";
import { COMPLETION_HELP } from "../../options/help.js";
import { EXIT_OK } from "../../terminal/exit-code.js";
import { Output } from "../../terminal/output.js";
import { type CompletedCommand, completionScript, SHELLS } from "./shell-completion.js";

export function addCompletion(program: Command, exit: (code: number) => void): void {
  program
    .command("completion")
    .description("Print a completion script for bash, zsh or fish.")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .helpOption("-h, --help", "print help")
    .addHelpText("after", COMPLETION_HELP)
    .action(async (shell) => {
      await new Output(process.stdout, () => {}).write(completionScript(shell, program as unknown as CompletedCommand));
      exit(EXIT_OK);
    });
}
