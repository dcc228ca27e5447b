/** The options of `worker`, by their names on the command line. */
import type { MessageFlags, ModelFlags } from "../../options/flags.js";
import type { QueueFlags } from "../../queue/queue-flags.js";

export interface WorkerFlags extends ModelFlags, MessageFlags, QueueFlags {
  concurrency: number;
  kv_memory?: number | undefined;
  /** Seconds. */
  drain_timeout: number;
  max_restarts: number;
}
