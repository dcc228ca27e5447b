/** Declares the command `batch`, its options and examples. Its implementation is loaded when it runs. */
import type { Command } from "@commander-js/extra-typings";
import { topCount } from "../../options/flags.js";
import { examples } from "../../options/help.js";
import {
  chatOptions,
  formOptions,
  lineOptions,
  messageOptions,
  modelOptions,
  samplingOptions,
} from "../../options/option-groups.js";
import { submitOptions } from "../../queue/queue-flags.js";

export function addBatch(program: Command, exit: (code: number) => void): void {
  const requests = program
    .command("batch")
    .description("Answer a file of requests (JSON lines), many at a time.")
    .usage("[options] IN.jsonl -o OUT.jsonl")
    .argument("[input]", "file with one JSON object per line (default: stdin)")
    .optionsGroup("Answers:")
    .option("--logprobs [n]", "add log-probabilities, and the n most likely tokens at each position", topCount)
    .option("--echo", "with --logprobs: add those of the prompts too")
    .option("--parse_special", "read names of special tokens in prompts, such as <|eot_id|>, as tokens");
  messageOptions(formOptions(samplingOptions(modelOptions(submitOptions(lineOptions(chatOptions(requests)))))))
    .helpOption("-h, --help", "print help")
    .addHelpText(
      "after",
      examples(
        "docs/batch.md",
        ["Answer a file of requests, 64 tokens each", "llama-ts batch prompts.jsonl -o answers.jsonl --max_gen_len 64"],
        [
          "Convert questions to requests, and print the answers",
          "jq -c '{id: .n, prompt: .question}' q.jsonl | llama-ts batch | jq -r .text",
        ],
        [
          "Answer the second quarter of the lines, on one of four machines",
          "llama-ts batch in.jsonl --shard 2/4 -o out-2.jsonl",
        ],
      ),
    )
    .action(async (input, flags) => {
      const { batch } = await import("./batch.js");
      exit(await batch(input, flags));
    });
}
