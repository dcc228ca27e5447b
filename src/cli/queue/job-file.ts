/** The file OUT.job: which job of the queue an output belongs to, so that a later run collects its answers. */
import { readFileSync, rmSync, statSync } from "node:fs";
import { LlamaError } from "../../error.js";
import { AtomicFile } from "../../formats/files/atomic-file.js";
import { fileError } from "../../formats/files/file-error.js";
import { isObject } from "../../formats/files/json-value.js";
import { isJob, newJob } from "../../net/queue/layout.js";

export interface Job {
  job: string;
  /** Of the queue. */
  model: string;
  /** Of the first line. */
  seed: number;
}

const MAX_BYTES = 4096;

export class JobFile {
  readonly #path: string;
  readonly job: Job;
  /** Another job that the file named before, and nobody collects any more. */
  readonly abandoned: string | null;

  private constructor(path: string, job: Job, abandoned: string | null) {
    this.#path = path;
    this.job = job;
    this.abandoned = abandoned;
  }

  /** Call with the lock of the output. `seed`: undefined for that of the job, or a random one. Throws LlamaError (usage) for a file of another model. */
  static async open(
    output: string,
    { isResumed, model, seed }: { isResumed: boolean; model: string; seed: number | undefined },
  ): Promise<JobFile> {
    const path = `${output}.job`;
    const before = readJob(path);
    if (isResumed && before && before.model !== model) {
      throw new LlamaError("usage", "belongs to another model or dtype", {
        where: path,
        expected: `queue ${before.model}`,
        found: `queue ${model}`,
        fix: "Give the same --ckpt_dir and --dtype, or delete it: what waits for the other model is then not collected",
      });
    }
    const kept = isResumed ? before : null;
    const random = Math.floor(Math.random() * 2 ** 32);
    const job = { job: kept?.job ?? newJob(), model, seed: seed ?? kept?.seed ?? random };
    const file = await AtomicFile.create(path);
    await file.write(`${JSON.stringify(job)}\n`);
    await file.finish();
    return new JobFile(path, job, kept || !before ? null : before.job);
  }

  /** The job is complete. */
  remove(): void {
    rmSync(this.#path, { force: true });
  }
}

/** Null if there is no file. */
function readJob(path: string): Job | null {
  let text: string;
  try {
    if (statSync(path).size > MAX_BYTES) throw new Error("is too large");
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw fileError(path, error, "usage");
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) {
      const { job, model, seed } = value;
      if (isJob(job) && isJob(model) && typeof seed === "number" && Number.isSafeInteger(seed)) {
        return { job, model, seed };
      }
    }
  } catch {
    // Said below.
  }
  throw new LlamaError("usage", "does not name a job", { where: path, fix: "Delete it, or use another --output" });
}
