/** Opens the model of an evaluation with --queue: its texts here, its workers elsewhere. */
import { LlamaError } from "../../error.js";
import { TextModel } from "../../generation/completion/text-model.js";
import { queueModel } from "../../net/queue/layout.js";
import type { ModelChoice } from "../model/choose-model.js";
import { connectQueue } from "./connect-queue.js";
import { JobNotes } from "./job-notes.js";
import type { SubmitFlags } from "./queue-flags.js";
import { QueuedModel } from "./queued-model.js";

export type QueuedModelFlags = SubmitFlags & {
  dtype: "auto" | "fp32" | "int8" | "int4";
  kv_dtype: string;
  quiet?: true | undefined;
  verbose?: true | undefined;
};

/** Runs `work` with both. Throws LlamaError for options of the workers, and if there is no connection. */
export async function withQueuedModel<T>(
  flags: QueuedModelFlags,
  choice: ModelChoice,
  signal: AbortSignal,
  work: (text: TextModel, model: QueuedModel) => Promise<T>,
): Promise<T> {
  if (flags.kv_dtype !== "auto") {
    const fix = "Give it to llama-ts worker, which loads the model";
    throw new LlamaError("usage", "--kv_dtype cannot be combined with --queue", { fix });
  }
  const { isDemo: _, ...model } = choice;
  const text = await TextModel.open({ ...model, dtype: flags.dtype });
  try {
    const name = queueModel(text.fingerprint(), text.dtype);
    const net = await connectQueue(flags, "llama-ts eval", signal);
    try {
      const notes = new JobNotes(flags, `${text.dtype}, queue ${name}`, () => {});
      const ackWaitMs = flags.ack_wait === undefined ? undefined : flags.ack_wait * 1000;
      return await work(text, new QueuedModel({ text, net, model: name, ackWaitMs, notes }));
    } finally {
      await net.close();
    }
  } finally {
    await text.close();
  }
}
