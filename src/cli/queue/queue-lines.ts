/** Answers the lines of an input by the workers of a queue: submits them and writes their answers as records. Loads no weights. */
import { LlamaError } from "../../error.js";
import { type JobEnd, QueueJob } from "../../net/queue/queue-job.js";
import type { LineRun, LineRunFlags } from "../json-lines/run-lines.js";
import { chooseModel, noteDemo } from "../model/choose-model.js";
import { verify } from "../model/verify.js";
import { printNote } from "../terminal/notes.js";
import { connectQueue } from "./connect-queue.js";
import { JobFile } from "./job-file.js";
import { JobNotes } from "./job-notes.js";
import { checkNoNodes, type SubmitFlags } from "./queue-flags.js";
import { identityText, queueIdentity } from "./queue-identity.js";
import { QueuedLines, type QueuedWork } from "./queued-lines.js";

export type QueueLineFlags = LineRunFlags & SubmitFlags & { seed?: number | undefined };

/** Throws LlamaError (usage) for options that are the workers', or missing. */
export function checkQueueFlags(flags: QueueLineFlags): void {
  const { output, max_seq_len, kv_dtype } = flags;
  checkNoNodes(flags);
  if (output === undefined) throw new LlamaError("usage", "--queue needs --output, to continue after an interruption");
  const theirs = [max_seq_len !== undefined && "--max_seq_len", kv_dtype !== "auto" && "--kv_dtype"].filter(Boolean);
  if (theirs.length === 0) return;
  throw new LlamaError("usage", `${theirs.join(" and ")} cannot be combined with --queue`, {
    fix: "Give it to llama-ts worker, which loads the model",
  });
}

/** Returns the tokens of all answers. */
export async function queueLines(run: LineRun, flags: QueueLineFlags, work: QueuedWork): Promise<number> {
  const { progress, signal } = run;
  const choice = chooseModel(flags);
  noteDemo(choice, flags);
  const identity = queueIdentity(choice, flags);
  if (flags.verify) await verify(identity.files, flags.quiet, signal);
  const notes = new JobNotes(flags, identityText(identity), () => progress.clear());
  const net = await connectQueue(flags, "llama-ts submit", signal);
  let lines: QueuedLines | null = null;
  try {
    const settings = { isResumed: flags.resume === true, model: identity.model, seed: flags.seed };
    const file = await JobFile.open(flags.output!, settings);
    const { job, model, seed } = file.job;
    if (file.abandoned !== null) await QueueJob.remove(net, file.abandoned);
    if (flags.verbose) printNote(`Job ${job} of the model (${identityText(identity)}).`);
    const queued = new QueuedLines(run, work, seed);
    lines = queued;
    let input = run.input;
    let end: JobEnd;
    do {
      const requests = queued.requests(input);
      const { ack_wait } = flags;
      end = await QueueJob.run(net, {
        ...{ model, job, requests, signal, ackWaitMs: ack_wait === undefined ? undefined : ack_wait * 1000 },
        take: (answers) => queued.take(answers),
        refuse: ({ origin }, error) => queued.refuse(origin, error),
        onEvent: notes.event.bind(notes),
      });
      if (end === "lost") {
        if (run.reopen === null) {
          const fix = "Give the same input again, with --resume";
          throw new LlamaError("runtime", "the server has lost requests", { fix });
        }
        notes.print("The server has lost requests: what has no answer is submitted again.");
        input = run.reopen();
      }
    } while (end === "lost");
    if (end === "complete") {
      await QueueJob.remove(net, job);
      file.remove();
    } else notes.left(queued.open);
  } catch (error) {
    // What an interrupt leaves undone is for --resume.
    if (!signal.aborted) throw error;
  } finally {
    progress.clear();
    await net.close();
  }
  return lines?.tokens ?? 0;
}
