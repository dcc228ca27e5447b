/** The lines of an input on their way through a queue: what was submitted, and the records that are written, each once. Does not connect. */
import { LlamaError } from "../../error.js";
import type { Json } from "../../generation/options/wrong-type.js";
import type { JobAnswer } from "../../net/queue/answer-reader.js";
import { LineSet } from "../../net/queue/line-set.js";
import type { JobRequest } from "../../net/queue/queue-job.js";
import { keyOf, type Origin, readRecord, recordOf } from "../json-lines/json-line.js";
import { KeySet } from "../json-lines/key-set.js";
import { readRequests } from "../json-lines/read-requests.js";
import type { LineRun } from "../json-lines/run-lines.js";
import { encodeBody } from "./request-body.js";

/** What differs between commands. */
export interface QueuedWork {
  /** The kind of request, by which a worker knows what to do. */
  kind: string;
  keys: readonly string[];
  /** What a worker needs of a line; `seed`: of the first line. Throws LlamaError for a line that is invalid. */
  fields: (json: Json, origin: Origin, seed: number) => object;
  /** Tokens of an answer, for the rate. */
  tokens: (record: Json) => number;
}

export interface LineRequest extends JobRequest {
  origin: Origin;
}

const DECODER = new TextDecoder("utf-8", { fatal: true });

/** The lines of a run: what was submitted, and what is written. */
export class QueuedLines {
  readonly #run: LineRun;
  readonly #work: QueuedWork;
  readonly #seed: number;
  /** Ids of the lines that were submitted and have no answer. */
  readonly #ids = new Map<number, string>();
  /** Keys of the answers that this run has written. */
  readonly #written = new KeySet();
  /** Lines that were refused here. */
  readonly #refused = new LineSet();
  #bytes = 0;
  #tokens = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(run: LineRun, work: QueuedWork, seed: number) {
    this.#run = run;
    this.#work = work;
    this.#seed = seed;
  }

  /** Lines without an answer. */
  get open(): number {
    return this.#ids.size;
  }

  /** Tokens of all answers so far. */
  get tokens(): number {
    return this.#tokens;
  }

  async *requests(input: LineRun["input"]): AsyncGenerator<LineRequest> {
    const { answers, progress, shard } = this.#run;
    const { keys, kind, fields } = this.#work;
    const lines = {
      ...{ keys, shard },
      request: (json: Json, origin: Origin) => ({ kind, origin, fields: fields(json, origin, this.#seed) }),
      isDone: (key: string) => {
        if (this.#written.has(key)) return true;
        if (!answers.done.has(key)) return false;
        progress.skipped++;
        return true;
      },
      onRead: (bytes: number) => {
        this.#bytes = bytes;
      },
    };
    for await (const { origin, request, error } of readRequests(input, lines)) {
      progress.begin(this.#bytes);
      if (error) await this.refuse(origin, error);
      else {
        this.#ids.set(origin.line, origin.id);
        yield { line: origin.line, data: encodeBody(request), origin };
      }
      this.#show();
    }
  }

  /** Writes the error of a line that no worker gets. */
  async refuse(origin: Origin, error: LlamaError): Promise<void> {
    this.#ids.delete(origin.line);
    // The input may be read again.
    if (this.#refused.has(origin.line)) return;
    // By line: an earlier one may have the same id.
    this.#refused.add(origin.line);
    this.#run.progress.failed++;
    await this.#write([recordOf(origin, null, error)]);
  }

  /** Writes answers; returns when they are on the disk. */
  async take(found: JobAnswer[]): Promise<void> {
    const { answers, progress } = this.#run;
    const records: string[] = [];
    for (const answer of found) {
      const { text, key, json } = this.#checked(answer);
      this.#ids.delete(answer.line);
      // A run that was killed had written it, but not removed it from the server.
      if (answers.done.has(key) || !this.#written.add(key)) continue;
      records.push(text);
      this.#tokens += json ? this.#work.tokens(json) : 0;
      if (json) progress.answered++;
      else progress.failed++;
    }
    await this.#write(records);
    await answers.sync();
    this.#show();
  }

  /** Believes no worker: an answer that is not the record of its line becomes an error. `json`: null for an error. */
  #checked({ line, data }: JobAnswer): { text: string; key: string; json: Json | null } {
    const id = this.#ids.get(line);
    try {
      const text = DECODER.decode(data);
      if (/[\n\r]/.test(text)) throw new Error("more than a line");
      const { origin, isAnswer } = readRecord(text);
      const key = keyOf(origin);
      if (origin.line !== line || (id !== undefined && key !== keyOf({ line, id }))) throw new Error("another line");
      return { text, key, json: isAnswer ? (JSON.parse(text) as Json) : null };
    } catch {
      const origin = { line, id: id ?? "null" };
      const problem = new LlamaError("runtime", "a worker's answer is not a record of this line");
      return { text: recordOf(origin, null, problem), key: keyOf(origin), json: null };
    }
  }

  /** One after the other: records of answers and of refused lines. */
  async #write(records: readonly string[]): Promise<void> {
    const before = this.#writing;
    const writing = before
      .catch(() => {})
      .then(async () => {
        for (const record of records) await this.#run.answers.write(record);
      });
    this.#writing = writing;
    await writing;
  }

  #show(): void {
    this.#run.progress.show(this.#bytes, this.#tokens);
  }
}
