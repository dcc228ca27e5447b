/**
 * The output file: one JSON object per line, appended whole, and read again to resume a run that ended in any way.
 * Does not know models.
 */
import { createReadStream } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { LlamaError } from "../../error.js";
import { fileError } from "../../formats/files/file-error.js";
import { moveFile } from "../../formats/files/move-file.js";
import { keyOf, readRecord } from "./json-line.js";
import { KeySet } from "./key-set.js";
import { type InputLine, readLines } from "./line-reader.js";

/** No record is longer, because a text has at most as many tokens as the context. */
const MAX_RECORD_BYTES = 256 << 20;

/** Codes of errors that come from the path and not from the disk. */
const WRONG_PATH = ["ENOENT", "EISDIR", "ENOTDIR", "EACCES"];

export class RecordFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  /** Length of all complete records in bytes. */
  #length: number;
  /** True if records may not be on the disk yet. */
  #isDirty = false;
  #syncing: Promise<void> | null = null;
  #failure: LlamaError | null = null;

  private constructor(path: string, handle: FileHandle, length: number) {
    this.#path = path;
    this.#handle = handle;
    this.#length = length;
  }

  /** Creates an empty file. Throws LlamaError (usage) if the file has content and `overwrite` is false. */
  static async create(path: string, overwrite: boolean): Promise<RecordFile> {
    const handle = await open(path, "a").catch((error) => {
      throw writeError(path, error);
    });
    const { size } = await handle.stat();
    if (size > 0 && !overwrite) {
      await handle.close();
      const fix = "Use --resume to continue it or --overwrite to start again";
      throw new LlamaError("usage", "already exists", { where: path, fix });
    }
    if (size > 0) await handle.truncate(0);
    return new RecordFile(path, handle, 0);
  }

  /**
   * Opens a file to continue; `done` has the keys of the requests that it answers. Records of errors and a line that a killed
   * run left incomplete are removed, so that those requests run again.
   */
  static async resume(path: string): Promise<{ file: RecordFile; done: KeySet }> {
    try {
      const handle = await open(path, "a");
      const done = new KeySet();
      /** Bytes of the answers from the start of the file up to the first line that is not kept. */
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

  /** Writes the answers to a temporary file and renames it to `path`. */
  static async #rewritten(path: string): Promise<RecordFile> {
    const temporary = `${path}.resume.tmp`;
    const handle = await open(temporary, "w");
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
      await moveFile(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    return new RecordFile(path, await open(path, "a"), length);
  }

  /** Appends a record, one line of JSON; calls must not overlap. A record that cannot be written completely is removed again. */
  async append(record: string): Promise<void> {
    if (this.#failure) throw this.#failure;
    const bytes = Buffer.from(`${record}\n`);
    try {
      await this.#handle.appendFile(bytes);
    } catch (error) {
      await this.#handle.truncate(this.#length).catch(() => undefined);
      throw writeError(this.#path, error);
    }
    this.#length += bytes.length;
    this.#isDirty = true;
    // The next records are generated while the disk syncs.
    this.#syncing ??= this.#syncAll();
  }

  /** Waits until all records so far are on the disk. */
  async sync(): Promise<void> {
    while (this.#syncing) await this.#syncing;
    if (this.#failure) throw this.#failure;
  }

  /** Closes the file after all records are on the disk. */
  async close(): Promise<void> {
    await this.#syncing;
    await this.#handle.close();
    if (this.#failure) throw this.#failure;
  }

  async #syncAll(): Promise<void> {
    while (this.#isDirty && !this.#failure) {
      this.#isDirty = false;
      try {
        await this.#handle.datasync();
      } catch (error) {
        // Pipes and devices cannot be synced.
        const { code } = error as NodeJS.ErrnoException;
        if (code !== "EINVAL" && code !== "ENOTSUP") this.#failure = writeError(this.#path, error);
      }
    }
    this.#syncing = null;
  }
}

/** True if a line is a complete record of an answer and the first one for its request. */
function isAnswer({ bytes, isEnded }: InputLine, done: KeySet): boolean {
  if (bytes === null || !isEnded) return false;
  try {
    const { origin, isAnswer } = readRecord(bytes.toString());
    return isAnswer && done.add(keyOf(origin));
  } catch {
    return false;
  }
}

function writeError(path: string, error: unknown): LlamaError {
  if (error instanceof LlamaError) return error;
  const { code = "" } = error as NodeJS.ErrnoException;
  const doing = "written";
  if (WRONG_PATH.includes(code)) return fileError(path, error, "usage", { doing });
  return fileError(path, error, "runtime", { doing, fix: "Earlier answers are complete: run again with --resume" });
}
