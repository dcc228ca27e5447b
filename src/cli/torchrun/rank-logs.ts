/**
 * Where a rank's words go, as with torchrun: shown, kept in LOG_DIR/none_XXXXXX/attempt_0/RANK, or both.
 * Knows streams and files; not what is said.
 */
import { appendFileSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LlamaError } from "../../error.js";
import { printNote } from "../notes.js";
import { hasStream, type RankStreams, STDERR, STDOUT, type TorchrunFlags } from "./torchrun-flags.js";

/** What torchrun calls a run without --rdzv_id. */
const RUN = "none_";

export class RankLogs {
  readonly #flags: TorchrunFlags;
  readonly #isVerbose: boolean;
  /** Folder of this run; made with the first thing that is kept. */
  #folder: string | null = null;

  constructor(flags: TorchrunFlags, isVerbose: boolean) {
    this.#flags = flags;
    this.#isVerbose = isVerbose;
  }

  /** A line about a rank: what it has read, how it spent its time. Shown with --verbose or --tee, kept with --log_dir. */
  note(rank: number, text: string): void {
    const { log_dir, tee, redirects, role } = this.#flags;
    const isTeed = hasStream(tee, rank, STDERR);
    const isRedirected = hasStream(redirects, rank, STDERR);
    if (log_dir !== undefined || isTeed || isRedirected) this.#append(rank, "stderr.log", `${text}\n`);
    if (!this.#isSelected(rank)) return;
    if (isTeed) printNote(`[${role}${rank}]: ${text}`);
    else if (this.#isVerbose && !isRedirected) printNote(text);
  }

  /** Whether the completion, rank 0's stdout, is shown. */
  get showsText(): boolean {
    const { tee, redirects } = this.#flags;
    return this.#isSelected(0) && (hasStream(tee, 0, STDOUT) || !hasStream(redirects, 0, STDOUT));
  }

  /** Keeps a piece of the completion, if it is to be kept. */
  keepText(text: string): void {
    const { tee, redirects } = this.#flags;
    if (keeps(tee) || keeps(redirects)) this.#append(0, "stdout.log", text);
  }

  /** Keeps why a rank failed, in torchrun's form. Without a folder there is nowhere to keep it. */
  fail(rank: number, problem: string, extraInfo: Record<string, unknown>): string | null {
    if (this.#flags.log_dir === undefined && this.#folder === null) return null;
    const timestamp = String(Math.floor(Date.now() / 1000));
    const report = { message: { message: problem, extraInfo: { ...extraInfo, timestamp } } };
    const file = join(this.#rankFolder(rank), "error.json");
    writeFileSync(file, `${JSON.stringify(report)}\n`);
    return file;
  }

  #isSelected(rank: number): boolean {
    return this.#flags.local_ranks_filter?.includes(rank) ?? true;
  }

  #append(rank: number, name: string, text: string): void {
    try {
      appendFileSync(join(this.#rankFolder(rank), name), text);
    } catch (error) {
      throw logError(error, this.#flags.log_dir);
    }
  }

  #rankFolder(rank: number): string {
    const { log_dir } = this.#flags;
    if (this.#folder === null) {
      if (log_dir !== undefined) mkdirSync(log_dir, { recursive: true });
      const run = mkdtempSync(log_dir === undefined ? join(tmpdir(), "llama-ts-") : join(log_dir, RUN));
      this.#folder = join(run, "attempt_0");
      if (log_dir === undefined) printNote(`Logs of the ranks: ${this.#folder}`);
    }
    const folder = join(this.#folder, String(rank));
    mkdirSync(folder, { recursive: true });
    return folder;
  }
}

function keeps(streams: RankStreams): boolean {
  return hasStream(streams, 0, STDOUT);
}

function logError(error: unknown, where = "logs of the ranks"): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  return new LlamaError("runtime", `cannot be written: ${message}`, { where, cause: error });
}
