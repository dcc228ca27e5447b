/** The command `completion`: prints a completion script for a shell. Does not know the form of the scripts. */
import { Argument, type Command } from "@commander-js/extra-typings";
import { examples } from "../../options/help.js";
import { EXIT_OK } from "../../terminal/exit-code.js";
import { Output } from "../../terminal/output.js";
import { type CompletedCommand, completionScript, SHELLS } from "./shell-completion.js";

export function addCompletion(program: Command, exit: (code: number) => void): void {
  program
    .command("completion")
    .description("Print a completion script for bash, zsh or fish.")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .helpOption("-h, --help", "print help")
    .addHelpText(
      "after",
      examples(
        "docs/settings.md",
        ["Install it for bash", "echo 'eval \"$(llama-ts completion bash)\"' >> ~/.bashrc"],
        ["Install it for zsh, in a folder of $fpath", "llama-ts completion zsh > ~/.zfunc/_llama-ts"],
        ["Install it for fish", "llama-ts completion fish > ~/.config/fish/completions/llama-ts.fish"],
      ),
    )
    .action(async (shell) => {
      await new Output(process.stdout, () => {}).write(completionScript(shell, program as unknown as CompletedCommand));
      exit(EXIT_OK);
    });
}
