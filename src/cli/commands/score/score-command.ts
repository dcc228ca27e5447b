/** Declares the command `score`, its options and examples. Its implementation is loaded when it runs. */
import { type Command, Option } from "@commander-js/extra-typings";
import { wholeNumber } from "../../options/flags.js";
import { examples } from "../../options/help.js";
import { lineOptions, messageOptions, modelOptions } from "../../options/option-groups.js";
import { submitOptions } from "../../queue/queue-flags.js";

export function addScore(program: Command, exit: (code: number) => void): void {
  const texts = program
    .command("score")
    .description("Compute log-probabilities of texts, or the perplexity of a file.")
    .usage("[options] IN.jsonl -o OUT.jsonl | --perplexity FILE")
    .argument("[input]", "file with one JSON object per line (default: stdin)")
    .optionsGroup("Perplexity:")
    .addOption(
      new Option("--perplexity <file>", "compute the perplexity of this text instead of scoring lines").conflicts([
        "output",
        "resume",
        "shard",
      ]),
    )
    .option("--window <n>", "tokens per window (default: the model's context)", wholeNumber(2))
    .option("--stride <n>", "tokens between the starts of windows (default: half a window)", wholeNumber(1));
  messageOptions(submitOptions(modelOptions(lineOptions(texts))))
    .helpOption("-h, --help", "print help")
    .addHelpText(
      "after",
      examples(
        "docs/score.md",
        ["Score continuations, one per line", "llama-ts score pairs.jsonl -o scores.jsonl --ckpt_dir 7B"],
        [
          "Score one continuation from a pipe",
          'echo \'{"context":"Once upon a","continuation":" time"}\' | llama-ts score',
        ],
        ["Compute the perplexity of a text", "llama-ts score --perplexity wiki.test.raw --ckpt_dir 7B --stride 512"],
      ),
    )
    .action(async (input, flags) => {
      const { score } = await import("./score.js");
      exit(await score(input, flags));
    });
}
