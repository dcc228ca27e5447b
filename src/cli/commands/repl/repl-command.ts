/** The options of `repl`, declared once. What it does is loaded when it runs. */
import { type Command, Option } from "@commander-js/extra-typings";
import { REPL_HELP } from "../../options/help.js";
import { messageOptions, modelOptions, samplingOptions, scriptOptions } from "../../options/option-groups.js";
import { versionText } from "../../terminal/version.js";

export function addRepl(program: Command, exit: (code: number) => void): void {
  const dialogue = program
    .command("repl")
    .description("Talk with a chat model, or write a text together with any other.")
    .usage("[options]")
    // Only a script name from a torchrun line may stand here.
    .argument("[words...]")
    .optionsGroup("Dialogue:")
    .addOption(
      new Option("--chat <format>", "how a dialogue is written; auto: by tokenizer, for folders named chat or instruct")
        .choices(["auto", "llama2", "llama3", "none"])
        .default("auto" as const),
    )
    .option("--system <text>", "what the system says; without chat format the text before all")
    .option("--session <file>", "go on with the dialogue in this file, and keep it there")
    .option("--session_cache", "keep its keys and values too, so that the next start computes nothing again")
    .option("--no_history", "neither read nor keep the lines that were entered");
  messageOptions(samplingOptions(scriptOptions(modelOptions(dialogue))))
    .version(versionText(), "-V, --version", "print the versions")
    .helpOption("-h, --help", "print help")
    .addHelpText("after", REPL_HELP)
    .action(async (words, flags, command) => {
      const { repl } = await import("./repl.js");
      // What stands on the line goes before what a session says.
      const isGiven = (name: string) => command.getOptionValueSource(name as keyof typeof flags) === "cli";
      exit(await repl(flags, words, isGiven));
    });
}
