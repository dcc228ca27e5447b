/** The options of `batch`, declared once. What it does is loaded when it runs. */
import { type Command, Option } from "@commander-js/extra-typings";
import { byteSize, topCount, wholeNumber } from "../flags.js";
import { BATCH_HELP } from "../help.js";
import { modelOptions, samplingOptions } from "../option-groups.js";

export function addBatch(program: Command, exit: (code: number) => void): void {
  const requests = program
    .command("batch")
    .description("Answer many requests from a file of JSON lines, many at a time.")
    .usage("[options] IN.jsonl -o OUT.jsonl")
    .argument("[input]", "one JSON object a line; - or none: stdin")
    .optionsGroup("Requests and answers:")
    .option("-o, --output <file>", "file the answers are appended to (default: stdout)")
    .addOption(new Option("--resume", "go on with the output: skip what has its answer there").conflicts("overwrite"))
    .option("--overwrite", "replace an output that exists")
    .option("--shard <i/n>", "only every n-th line, from the i-th on; auto: from SLURM's or Kubernetes' job array")
    .option("--logprobs [n]", "log-probabilities, and the n most likely tokens beside each", topCount)
    .option("--echo", "with --logprobs: those of the prompts too")
    .optionsGroup("Batch:")
    .option("--concurrency <n>", "requests that run at once at most", wholeNumber(1, 256), 16)
    .option(
      "--kv_memory <size>",
      "memory for keys and values at most, as 4G (default: half of what is free)",
      byteSize,
    );
  samplingOptions(modelOptions(requests))
    .optionsGroup("Other:")
    .addOption(new Option("--color <when>", "on stderr").choices(["auto", "always", "never"]).default("auto" as const))
    .addOption(new Option("--quiet", "errors only on stderr").conflicts("verbose"))
    .option("--verbose", "tell about model, ranks and loading on stderr")
    .helpOption("-h, --help", "print help")
    .addHelpText("after", BATCH_HELP)
    .action(async (input, flags) => {
      const { batch } = await import("./batch.js");
      exit(await batch(input, flags));
    });
}
