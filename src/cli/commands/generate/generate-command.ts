/** Declares the command `generate`, its options and examples. Its implementation is loaded when it runs. */
import { type Command, Option } from "@commander-js/extra-typings";
import { topCount } from "../../options/flags.js";
import { examples } from "../../options/help.js";
import {
  chatOptions,
  formOptions,
  messageOptions,
  modelOptions,
  samplingOptions,
  scriptOptions,
} from "../../options/option-groups.js";
import { versionText } from "../../terminal/version.js";

export function addGenerate(program: Command, exit: (code: number) => void): void {
  const prompt = program
    .command("generate")
    .description("Continue or answer a prompt, and stream the text to stdout.")
    .usage("[options]")
    // Only the script of a torchrun line is accepted here.
    .argument("[words...]")
    .optionsGroup("Prompt:")
    .addOption(new Option("--prompt <text>", "text to continue; -: read it from stdin").conflicts("prompt_file"))
    .option("--prompt_file <file>", "file with the text to continue")
    .option("--no_stdin", "do not read stdin (by default piped text is placed before the prompt)")
    .option("--system <text>", "answer the prompt as a chat, with this system prompt")
    .option("--parse_special", "read names of special tokens in the prompt, such as <|eot_id|>, as tokens");
  const output = formOptions(samplingOptions(scriptOptions(modelOptions(chatOptions(prompt)))))
    .optionsGroup("Output:")
    .option("--echo", "print the prompt before the text")
    .addOption(new Option("--json", "print one JSON object instead of text").conflicts("stream_json"))
    .option("--stream_json", "print one JSON event per token, then a summary")
    .option("--logprobs [n]", "in JSON: add log-probabilities, and the n most likely tokens at each position", topCount)
    .option("-o, --output <file>", "write to a file instead of stdout, completely or not at all");
  messageOptions(output)
    .version(versionText(), "-V, --version", "print the versions")
    .helpOption("-h, --help", "print help")
    .addHelpText(
      "after",
      examples(
        "docs/generate.md",
        ["Continue a prompt with the bundled demo model", 'llama-ts generate --prompt "Once upon a time"'],
        [
          "Split a checkpoint across two ranks, whatever its number of files",
          'llama-ts generate --ckpt_dir 13B --nproc_per_node 2 --prompt "The sky is"',
        ],
        [
          "Put a file before the prompt, and write the text to another file",
          'llama-ts generate --prompt "Summary:" -o summary.txt < article.txt',
        ],
      ),
    )
    .action(async (words, flags) => {
      const { generate } = await import("./generate.js");
      exit(await generate(flags, words));
    });
}
