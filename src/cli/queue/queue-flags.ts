/** The options of a connection to a queue: --queue and what belongs to it. Does not read what they name. */
import { type Command, Option, type OptionValues } from "@commander-js/extra-typings";
import type { Command as PlainCommand } from "commander";
import { LlamaError } from "../../error.js";
import { decimal } from "../options/flags.js";
import { hasNodes, type NodeFlags } from "../options/node-flags.js";

/** The options of queueOptions(), by their names on the command line. (A type: an interface is not assignable to commander's OptionValues.) */
export type QueueFlags = {
  /** URLs, with commas. */
  queue?: string | undefined;
  queue_creds?: string | undefined;
  queue_ca?: string | undefined;
  queue_cert?: string | undefined;
  queue_key?: string | undefined;
};

/** The variable with a secret that the server and all clients share: an option would show it to everybody. */
export const QUEUE_TOKEN = "LLAMA_TS_QUEUE_TOKEN";

/** Adds the options of a queue on a NATS server. `use`: what happens with it. */
export function queueOptions<A extends unknown[], O extends OptionValues>(command: Command<A, O>, use: string) {
  (command as unknown as PlainCommand)
    .optionsGroup("Queue:")
    .option("--queue <url>", `${use}: nats://HOST:PORT or tls://HOST:PORT; several with commas`)
    .option("--queue_creds <file>", `credentials, nkey seed or token for it (or ${QUEUE_TOKEN})`)
    .option("--queue_ca <file>", "certificate of its authority (PEM)")
    .option("--queue_cert <file>", "own certificate, where the server wants one (PEM); with --queue_key")
    .option("--queue_key <file>", "private key of --queue_cert (PEM)");
  return command as unknown as Command<A, O & QueueFlags>;
}

/** Throws LlamaError (usage) where hosts are to hold a model that workers run. */
export function checkNoNodes({ queue, ...flags }: QueueFlags & NodeFlags): void {
  if (queue === undefined || !hasNodes(flags)) return;
  const fix = "Give it to llama-ts worker, whose hosts hold the model together";
  throw new LlamaError("usage", "--nnodes cannot be combined with --queue", { fix });
}

/** The options of those who submit. */
export type SubmitFlags = QueueFlags & {
  /** Seconds. */
  ack_wait?: number | undefined;
};

/** Adds the options of commands whose lines workers may answer. */
export function submitOptions<A extends unknown[], O extends OptionValues>(command: Command<A, O>) {
  const options = queueOptions(command, "let workers of this NATS server answer");
  (options as unknown as PlainCommand).addOption(
    new Option("--ack_wait <s>", "time after which the request of a lost worker goes to another; of a new queue")
      .argParser(decimal(0.5, 86_400))
      .hideHelp(),
  );
  return options as unknown as Command<A, O & SubmitFlags>;
}
