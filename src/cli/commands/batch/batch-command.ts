/** The options of `batch`, declared once. What it does is loaded when it runs. */
import type { Command } from "@commander-js/extra-typings";
import { topCount } from "../../options/flags.js";
import { BATCH_HELP } from "../../options/help.js";
import { lineOptions, messageOptions, modelOptions, samplingOptions } from "../../options/option-groups.js";

export function addBatch(program: Command, exit: (code: number) => void): void {
  const requests = program
    .command("batch")
    .description("Answer many requests from a file of JSON lines, many at a time.")
    .usage("[options] IN.jsonl -o OUT.jsonl")
    .argument("[input]", "one JSON object a line; - or none: stdin")
    .optionsGroup("Answers:")
    .option("--logprobs [n]", "log-probabilities, and the n most likely tokens beside each", topCount)
    .option("--echo", "with --logprobs: those of the prompts too");
  messageOptions(samplingOptions(modelOptions(lineOptions(requests))))
    .helpOption("-h, --help", "print help")
    .addHelpText("after", BATCH_HELP)
    .action(async (input, flags) => {
      const { batch } = await import("./batch.js");
      exit(await batch(input, flags));
    });
}
