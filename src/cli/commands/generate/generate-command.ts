/** The options of `generate`, declared once. What it does is loaded when it runs. */
import { type Command, Option } from "@commander-js/extra-typings";
import { topCount } from "../../options/flags.js";
import { GENERATE_HELP } from "../../options/help.js";
import { messageOptions, modelOptions, samplingOptions, scriptOptions } from "../../options/option-groups.js";
import { versionText } from "../../terminal/version.js";

export function addGenerate(program: Command, exit: (code: number) => void): void {
  const prompt = program
    .command("generate")
    .description("Continue a prompt. The text is streamed to stdout.")
    .usage("[options]")
    // Only a script name from a torchrun line may stand here.
    .argument("[words...]")
    .optionsGroup("Prompt:")
    .addOption(new Option("--prompt <text>", "text to continue; - reads stdin").conflicts("prompt_file"))
    .option("--prompt_file <file>", "file with the text to continue")
    .option("--no_stdin", "leave stdin alone; without it, what is piped in comes before the prompt");
  const output = samplingOptions(scriptOptions(modelOptions(prompt)))
    .optionsGroup("Output:")
    .option("--echo", "print the prompt before the text")
    .addOption(new Option("--json", "print one JSON object instead of text").conflicts("stream_json"))
    .option("--stream_json", "print an event a line: each token, then a summary")
    .option("--logprobs [n]", "in JSON: log-probabilities, and the n most likely tokens beside each", topCount)
    .option("-o, --output <file>", "write a file instead of stdout, whole or not at all");
  messageOptions(output)
    .version(versionText(), "-V, --version", "print the versions")
    .helpOption("-h, --help", "print help")
    .addHelpText("after", GENERATE_HELP)
    .action(async (words, flags) => {
      const { generate } = await import("./generate.js");
      exit(await generate(flags, words));
    });
}
