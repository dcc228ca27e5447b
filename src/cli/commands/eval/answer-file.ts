/** The answers of an evaluation on the disk: appended as they come, and read again to resume a run that ended in any way. */
import { createReadStream, readdirSync } from "node:fs";
import { join } from "node:path";
import { LlamaError } from "../../../error.js";
import type { EvalResponse } from "../../../evaluation/tasks/task.js";
import type { Json } from "../../../generation/options/wrong-type.js";
import { recordOf } from "../../json-lines/json-line.js";
import { readLines } from "../../json-lines/line-reader.js";
import { OutputLock } from "../../json-lines/output-lock.js";
import { RecordFile } from "../../json-lines/record-file.js";
import type { Shard } from "../../options/shard.js";

/** What answers depend on beside their request; those of different settings are never mixed. */
export type AnswerSettings = Readonly<Record<string, string | number>>;

const MAX_BYTES = 64 << 20;
/** The id of the record with the settings, the first of a file. */
const SETTINGS_ID = "run";

interface Stored {
  path: string;
  settings: AnswerSettings | null;
  answers: Map<string, EvalResponse>;
}

export class AnswerFile {
  /** Answers by the keys of their requests; those of all parts of a divided run. */
  readonly known = new Map<string, EvalResponse>();
  readonly #file: RecordFile;
  readonly #lock: OutputLock;
  readonly #stored: readonly Stored[];
  readonly #path: string;
  #line = 0;

  private constructor(path: string, file: RecordFile, lock: OutputLock, stored: readonly Stored[]) {
    this.#path = path;
    this.#file = file;
    this.#lock = lock;
    this.#stored = stored;
    for (const { answers } of stored) for (const [key, answer] of answers) this.known.set(key, answer);
  }

  /** Opens the file of a run, or of its part, in the model's folder. Throws LlamaError (usage) if it has answers that are neither continued nor replaced. */
  static async open(
    folder: string,
    shard: Shard | null,
    { resume = false, overwrite = false }: { resume?: boolean | undefined; overwrite?: boolean | undefined },
  ): Promise<AnswerFile> {
    const path = join(folder, shard ? `requests_${shard.index}-of-${shard.count}.jsonl` : "requests.jsonl");
    const lock = await OutputLock.acquire(path);
    try {
      const names = resume ? readdirSync(folder).filter((name) => /^requests(_\d+-of-\d+)?\.jsonl$/.test(name)) : [];
      const stored: Stored[] = [];
      for (const name of names.sort()) stored.push(await read(join(folder, name)));
      const file = resume ? (await RecordFile.resume(path)).file : await RecordFile.create(path, overwrite);
      return new AnswerFile(path, file, lock, stored);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Begins or continues the file. Throws LlamaError (usage) if the answers are those of other settings. */
  async begin(settings: AnswerSettings): Promise<void> {
    for (const { path, settings: other, answers } of this.#stored) {
      if (other === null && answers.size === 0) continue;
      const key = Object.keys(settings).find((name) => other?.[name] !== settings[name]);
      if (key === undefined) continue;
      throw new LlamaError("usage", `has answers of a run with another ${key}`, {
        where: path,
        expected: String(settings[key]),
        found: String(other?.[key] ?? "none"),
        fix: "Use another --output, or --overwrite to begin again",
      });
    }
    if (this.#stored.some(({ path, settings: own }) => path === this.#path && own !== null)) return;
    await this.#append(SETTINGS_ID, { settings });
  }

  /** Calls must not overlap. */
  add(key: string, response: EvalResponse): Promise<void> {
    return this.#append(key, response);
  }

  /** Waits until all answers are on the disk. */
  close(): Promise<void> {
    return this.#file.close().finally(() => this.#lock.release());
  }

  #append(id: string, fields: object): Promise<void> {
    return this.#file.append(recordOf({ id: JSON.stringify(id), line: this.#line++ }, fields, null));
  }
}

/** The whole records of a file; a line that a killed run left incomplete is not one. */
async function read(path: string): Promise<Stored> {
  const stored: Stored = { path, settings: null, answers: new Map() };
  for await (const { bytes, isEnded } of readLines(createReadStream(path), MAX_BYTES)) {
    const record = bytes && isEnded ? parse(bytes.toString()) : null;
    if (record === null) continue;
    if (record.id === SETTINGS_ID) stored.settings = (record.settings as AnswerSettings | undefined) ?? null;
    else if (typeof record.text === "string") stored.answers.set(String(record.id), { text: record.text });
    else if (typeof record.logLikelihood === "number" && typeof record.greedy === "boolean") {
      const { logLikelihood, greedy, tokens, bos } = record;
      const counts = { ...(typeof tokens === "number" && { tokens }), ...(typeof bos === "number" && { bos }) };
      stored.answers.set(String(record.id), { logLikelihood, greedy, ...counts });
    }
  }
  return stored;
}

function parse(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" ? (value as Json) : null;
  } catch {
    return null;
  }
}
