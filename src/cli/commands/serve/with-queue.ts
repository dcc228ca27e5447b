/** `serve --queue`: opens the texts of the model and the queue to the workers that run it, in the place of the model itself. */
import { connect } from "../../../net/nats/net.js";
import { queueModel } from "../../../net/queue/layout.js";
import type { ServerModel } from "../../../server/serving/server-model.js";
import type { ModelChoice } from "../../model/choose-model.js";
import { queueNetOptions } from "../../queue/net-options.js";
import { printNote } from "../../terminal/notes.js";
import type { ServeFlags } from "./serve-flags.js";

/** Runs `work` with the model of the workers, and a text about it. Throws LlamaError if there is no connection. */
export async function withQueue<T>(
  flags: ServeFlags,
  choice: ModelChoice,
  signal: AbortSignal,
  work: (model: ServerModel, about: string) => Promise<T>,
): Promise<T> {
  const { options, warning } = queueNetOptions(flags, process.env, "llama-ts serve");
  if (warning !== null && !flags.quiet) printNote(warning);
  const { TextModel } = await import("../../../generation/completion/text-model.js");
  const { QueueModel } = await import("../../../server/front/queue-model.js");
  const { isDemo: _, ...model } = choice;
  const text = await TextModel.open({ ...model, dtype: flags.dtype });
  try {
    const net = await connect({ ...options, signal });
    try {
      const name = queueModel(text.fingerprint(), text.dtype);
      const { max_queue: maxQueue, queue_timeout: seconds } = flags;
      const front = await QueueModel.open({ text, net, model: name, maxQueue, queueTimeoutMs: seconds * 1000 });
      const about = `requests go to ${options.servers.join(",")}, to workers of model ${name} (${text.dtype})`;
      return await work(front, about).finally(() => front.close());
    } finally {
      await net.close();
    }
  } finally {
    await text.close();
  }
}
