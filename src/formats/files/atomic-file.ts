/** Writes a file so that it appears complete or not at all. Does not know what is written. */
import { randomBytes } from "node:crypto";
import { type FileHandle, open, realpath, rm, stat } from "node:fs/promises";
import { LlamaError } from "../../error.js";
import { fileError } from "./file-error.js";
import { moveFile } from "./move-file.js";

export class AtomicFile {
  readonly #path: string;
  /** Temporary file that is written first; the path itself for a pipe or a device. */
  readonly #temporary: string;
  readonly #handle: FileHandle;

  private constructor(path: string, temporary: string, handle: FileHandle) {
    this.#path = path;
    this.#temporary = temporary;
    this.#handle = handle;
  }

  /** `mode` applies to a new file; an existing file keeps its own mode, and a link to it stays a link. */
  static async create(path: string, mode = 0o666): Promise<AtomicFile> {
    try {
      const existing = await stat(path).catch(() => null);
      if (existing?.isDirectory()) throw new LlamaError("usage", "is a folder", { where: path });
      if (existing !== null && !existing.isFile()) return new AtomicFile(path, path, await open(path, "w"));
      const target = existing === null ? path : await realpath(path);
      const temporary = `${target}.${randomBytes(6).toString("hex")}.tmp`;
      const handle = await open(temporary, "wx", existing?.mode ?? mode);
      // open() applies the umask; chmod does not
      if (existing !== null) await handle.chmod(existing.mode);
      return new AtomicFile(target, temporary, handle);
    } catch (error) {
      if (error instanceof LlamaError) throw error;
      throw fileError(path, error, "usage", { doing: "written" });
    }
  }

  async write(text: string | Uint8Array): Promise<void> {
    await this.#try(() => this.#handle.appendFile(text));
  }

  /** Moves the finished file to its path. */
  async finish(): Promise<void> {
    await this.#try(async () => {
      if (this.#temporary !== this.#path) await this.#handle.sync();
      await this.#handle.close();
      if (this.#temporary !== this.#path) await moveFile(this.#temporary, this.#path);
    });
  }

  /** Removes the temporary file. */
  async abandon(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    if (this.#temporary !== this.#path) await rm(this.#temporary, { force: true });
  }

  async #try(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      await this.abandon();
      throw fileError(this.#path, error, "runtime", { doing: "written" });
    }
  }
}
