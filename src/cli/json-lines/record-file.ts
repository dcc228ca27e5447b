/**
 * The file of answers: a JSON object a line, appended whole, and read again to go on where a run was ended, however it was.
 * Knows records and bytes; not models.
 */
import { createReadStream } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { LlamaError } from "../../error.js";
import type { Origin } from "./json-line.js";
import { KeySet } from "./key-set.js";
import { type InputLine, readLines } from "./line-reader.js";

/** No record is longer: a text has at most as many tokens as the context. */
const MAX_RECORD_BYTES = 256 << 20;

/** How a request is known again: by its id, or by its line. */
export function keyOf({ id, line }: Pick<Origin, "id" | "line">): string {
  return id === null ? `line ${line}` : JSON.stringify(id);
}

export class RecordFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  /** Bytes of whole records. */
  #length: number;
  /** Records that may not be on the disk yet. */
  #isDirty = false;
  #syncing: Promise<void> | null = null;
  #failure: LlamaError | null = null;

  private constructor(path: string, handle: FileHandle, length: number) {
    this.#path = path;
    this.#handle = handle;
    this.#length = length;
  }

  /** An empty file; one that holds something is refused unless it may be overwritten. */
  static async create(path: string, overwrite: boolean): Promise<RecordFile> {
    const handle = await open(path, "a").catch((error) => {
      throw writeError(path, error);
    });
    const { size } = await handle.stat();
    if (size > 0 && !overwrite) {
      await handle.close();
      const fix = "--resume goes on with it, --overwrite begins anew";
      throw new LlamaError("usage", "exists already", { where: path, fix });
    }
    if (size > 0) await handle.truncate(0);
    return new RecordFile(path, handle, 0);
  }

  /**
   * A file to go on with, and the keys of requests that have their answer in it. Records of errors and what a run that was
   * killed has left of a line are taken out, so that those requests run again.
   */
  static async resume(path: string): Promise<{ file: RecordFile; done: KeySet }> {
    try {
      const handle = await open(path, "a");
      const done = new KeySet();
      /** Answers from the beginning, without a gap. */
      let length = 0;
      let isBroken = false;
      let hasMore = false;
      for await (const line of readLines(createReadStream(path), MAX_RECORD_BYTES)) {
        const isKept = isAnswer(line, done);
        if (isKept && !isBroken) length = line.end;
        hasMore ||= isKept && isBroken;
        isBroken ||= !isKept;
      }
      if (!hasMore) {
        if (isBroken) await handle.truncate(length);
        return { file: new RecordFile(path, handle, length), done };
      }
      await handle.close();
      return { file: await RecordFile.#rewritten(path), done };
    } catch (error) {
      throw writeError(path, error);
    }
  }

  /** Writes the answers beside the file and puts them in its place. */
  static async #rewritten(path: string): Promise<RecordFile> {
    const beside = `${path}.resume.tmp`;
    const handle = await open(beside, "w");
    const done = new KeySet();
    let length = 0;
    try {
      for await (const line of readLines(createReadStream(path), MAX_RECORD_BYTES)) {
        if (!isAnswer(line, done)) continue;
        const bytes = Buffer.concat([line.bytes!, Buffer.from("\n")]);
        await handle.appendFile(bytes);
        length += bytes.length;
      }
      await handle.sync();
      await handle.close();
      await rename(beside, path);
    } catch (error) {
      await rm(beside, { force: true });
      throw error;
    }
    return new RecordFile(path, await open(path, "a"), length);
  }

  /** Appends a record; calls must wait for each other. What could not be written whole leaves no trace. */
  async append(record: object): Promise<void> {
    if (this.#failure) throw this.#failure;
    const bytes = Buffer.from(`${JSON.stringify(record)}\n`);
    try {
      await this.#handle.appendFile(bytes);
    } catch (error) {
      await this.#handle.truncate(this.#length).catch(() => undefined);
      throw writeError(this.#path, error);
    }
    this.#length += bytes.length;
    this.#isDirty = true;
    // The next records come while the disk is waited for.
    this.#syncing ??= this.#sync();
  }

  /** Waits until all is on the disk. */
  async close(): Promise<void> {
    await this.#syncing;
    await this.#handle.close();
    if (this.#failure) throw this.#failure;
  }

  async #sync(): Promise<void> {
    while (this.#isDirty && !this.#failure) {
      this.#isDirty = false;
      try {
        await this.#handle.datasync();
      } catch (error) {
        // A pipe or a device has no disk to wait for.
        const { code } = error as NodeJS.ErrnoException;
        if (code !== "EINVAL" && code !== "ENOTSUP") this.#failure = writeError(this.#path, error);
      }
    }
    this.#syncing = null;
  }
}

/** Whether a line is the whole record of an answer, the first of its request. */
function isAnswer({ bytes, isEnded }: InputLine, done: KeySet): boolean {
  if (bytes === null || !isEnded) return false;
  try {
    const { id, line, error } = JSON.parse(bytes.toString()) as Partial<Origin> & { error?: unknown };
    return Number.isInteger(line) && error === undefined && done.add(keyOf({ id: id ?? null, line: line! }));
  } catch {
    return false;
  }
}

function writeError(path: string, error: unknown): LlamaError {
  if (error instanceof LlamaError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const where = path;
  if (code === "ENOENT" || code === "EISDIR" || code === "ENOTDIR" || code === "EACCES") {
    return new LlamaError("usage", `cannot be opened: ${message}`, { where, cause: error });
  }
  const fix = "The answers before are whole: run again with --resume";
  return new LlamaError("runtime", `cannot be written: ${message}`, { where, fix, cause: error });
}
