/** Declares the command `worker`, its options and examples. Its implementation is loaded when it runs. */
import type { Command, Option } from "@commander-js/extra-typings";
import type { Command as PlainCommand } from "commander";
import { byteSize, decimal, wholeNumber } from "../../options/flags.js";
import { examples } from "../../options/help.js";
import { messageOptions, modelOptions } from "../../options/option-groups.js";
import { queueOptions } from "../../queue/queue-flags.js";
import type { WorkerFlags } from "./worker-flags.js";

export function addWorker(program: Command, exit: (code: number) => void): void {
  const worker = program
    .command("worker")
    .description("Answer requests of a queue, with any number of other workers.")
    .usage("[options] --queue URL --ckpt_dir DIR");
  (worker as unknown as PlainCommand)
    .optionsGroup("Limits:")
    .option("--concurrency <n>", "requests that run at once", wholeNumber(1, 256), 16)
    .option("--kv_memory <size>", "size of the KV caches, such as 4G (default: half of the available memory)", byteSize)
    .option("--drain_timeout <s>", "time for running requests at the end", decimal(0, 1e6), 30);
  messageOptions(modelOptions(queueOptions(worker, "take requests from this NATS server")));
  const restarts = (worker.options as unknown as Option[]).find(({ long }) => long === "--max_restarts")!;
  restarts.hideHelp(false).default(10).description = "restarts in 10 minutes of a model that fails";
  (worker as unknown as PlainCommand).setOptionValueWithSource("max_restarts", 10, "default");
  worker
    .helpOption("-h, --help", "print help")
    .addHelpText(
      "after",
      examples(
        "docs/scale-out.md",
        ["Answer requests for a model", "llama-ts worker --queue nats://mq --ckpt_dir 8B"],
        ["Submit them, and collect", "llama-ts batch in.jsonl -o out.jsonl --queue nats://mq --ckpt_dir 8B"],
        ["Start 8 workers with Slurm", "srun -n 8 llama-ts worker --queue nats://mq --ckpt_dir 8B"],
      ),
    )
    .action(async (flags) => {
      const { worker } = await import("./worker.js");
      exit(await worker(flags as unknown as WorkerFlags));
    });
}
