/** The file of --log_prompts: a line of JSON for each request, with its texts. Only its owner may read it. Does not know HTTP. */
import { createWriteStream, fstatSync, openSync, type WriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { LlamaError } from "../../../error.js";
import type { PromptEntry } from "../../../server/http/request-log.js";
import { printError } from "../../terminal/notes.js";

/** A disk that is slower than the requests must not fill the memory. */
const MAX_BEHIND = 64 << 20;

export class PromptLog {
  readonly #where: string;
  readonly #stream: WriteStream;
  #isBroken = false;

  /** Throws LlamaError (usage) for a file that cannot be written, or that others can read. */
  constructor(file: string) {
    this.#where = `--log_prompts ${file}`;
    let fd: number;
    try {
      fd = openSync(file, "a", 0o600);
    } catch (cause) {
      const found = (cause as Error).message;
      throw new LlamaError("usage", "cannot be written", { where: this.#where, found, cause });
    }
    const stat = fstatSync(fd);
    // Windows has no such bits; a device keeps nothing.
    if (process.platform !== "win32" && stat.isFile() && (stat.mode & 0o077) !== 0) {
      throw new LlamaError("usage", "others can read it", { where: this.#where, fix: `Run chmod 600 ${file}` });
    }
    this.#stream = createWriteStream(file, { fd });
    this.#stream.on("error", ({ message }) => this.#stop(message));
  }

  add(entry: PromptEntry): void {
    if (this.#isBroken) return;
    this.#stream.write(`${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`);
    if (this.#stream.writableLength > MAX_BEHIND) this.#stop("the disk is too slow");
  }

  async close(): Promise<void> {
    this.#stream.end();
    await finished(this.#stream).catch(() => {});
  }

  /** The answers go out, with or without a log. */
  #stop(found: string): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    printError(`${this.#where}: cannot be written (${found}). Requests are not logged any more`);
  }
}
