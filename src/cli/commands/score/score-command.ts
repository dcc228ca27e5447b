/** The options of `score`, declared once. What it does is loaded when it runs. */
import { type Command, Option } from "@commander-js/extra-typings";
import { wholeNumber } from "../../options/flags.js";
import { SCORE_HELP } from "../../options/help.js";
import { lineOptions, messageOptions, modelOptions } from "../../options/option-groups.js";

export function addScore(program: Command, exit: (code: number) => void): void {
  const texts = program
    .command("score")
    .description("How likely given texts are: continuations in JSON lines, or a long text's perplexity.")
    .usage("[options] IN.jsonl -o OUT.jsonl | --perplexity FILE")
    .argument("[input]", "one JSON object a line; - or none: stdin")
    .optionsGroup("Perplexity:")
    .addOption(
      new Option("--perplexity <file>", "of this text instead of lines").conflicts(["output", "resume", "shard"]),
    )
    .option("--window <n>", "tokens that are seen at once (default: max_seq_len)", wholeNumber(2))
    .option("--stride <n>", "tokens scored in each window after the first (default: half a window)", wholeNumber(1));
  messageOptions(modelOptions(lineOptions(texts)))
    .helpOption("-h, --help", "print help")
    .addHelpText("after", SCORE_HELP)
    .action(async (input, flags) => {
      const { score } = await import("./score.js");
      exit(await score(input, flags));
    });
}
