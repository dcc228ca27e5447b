/** Declares the command `queue`, its options and examples. Its implementation is loaded when it runs. */
import type { Command } from "@commander-js/extra-typings";
import { LlamaError } from "../../../error.js";
import { examples } from "../../options/help.js";
import { queueOptions } from "../../queue/queue-flags.js";

export function addQueue(program: Command, exit: (code: number) => void): void {
  const queue = program
    .command("queue")
    .description("Show what waits and runs in a queue, and its workers.")
    .usage("status --queue URL [options]")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print help for a command")
    .addHelpText(
      "after",
      examples(
        "docs/scale-out.md",
        ["Show requests and workers", "llama-ts queue status --queue nats://mq:4222"],
        [
          "Print how many requests wait for a worker",
          "llama-ts queue --queue nats://mq --json | jq '[.models[].waiting] | add'",
        ],
        ["Look every 10 seconds", "watch -n 10 llama-ts queue status --queue nats://mq:4222"],
      ),
    );
  const status = queue
    .command("status", { isDefault: true })
    .description("show what waits and runs, and the workers")
    .option("--json", "print a JSON object");
  queueOptions(status, "the NATS server")
    .helpOption("-h, --help", "print help")
    // Unknown commands arrive here, because this one is the default.
    .allowExcessArguments()
    .action(async (flags, command) => {
      const [word] = command.args as string[];
      if (word !== undefined) throw new LlamaError("usage", `unknown command '${word}'`, { expected: "status" });
      const { queueStatus } = await import("./queue-status.js");
      exit(await queueStatus(flags));
    });
}
