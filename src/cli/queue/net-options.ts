/** The options of a connection to a queue on NATS, from the command line and the environment. Does not connect, and shows no secret. */
import { LlamaError } from "../../error.js";
import { type NetChoice, netOptions } from "../net/net-options.js";
import { QUEUE_TOKEN, type QueueFlags } from "./queue-flags.js";

const NATS_PORT = 4222;

/** Of `--queue` and the options beside it. Throws LlamaError (usage). */
export function queueNetOptions(flags: QueueFlags, env: NodeJS.ProcessEnv, name: string): NetChoice {
  const { queue: addresses, queue_creds: creds, queue_ca: ca, queue_cert: cert, queue_key: key } = flags;
  if (addresses === undefined) {
    const fix = "Name a NATS server, such as nats://localhost:4222";
    throw new LlamaError("usage", "--queue is missing", { fix });
  }
  return netOptions({
    ...{ addresses, defaultPort: NATS_PORT, token: env[QUEUE_TOKEN], tokenVariable: QUEUE_TOKEN },
    ...{ creds, ca, cert, key, name },
    names: { addresses: "--queue", creds: "--queue_creds", ca: "--queue_ca", cert: "--queue_cert", key: "--queue_key" },
  });
}
