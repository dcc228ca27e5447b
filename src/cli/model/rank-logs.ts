/**
 * Where a rank's words go, as with torchrun: shown, kept in LOG_DIR/none_XXXXXX/attempt_0/RANK, or both.
 * Knows streams, files and when ranks say something; neither models nor commands.
 */
import { appendFileSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failurePlace, LlamaError } from "../../error.js";
import {
  hasStream,
  namesStream,
  type RankStreams,
  rankStreams,
  STDERR,
  STDOUT,
  type TorchrunFlags,
  unknownRanks,
} from "../options/torchrun-flags.js";
import { printNote } from "../terminal/notes.js";
import { loadLines, type RankFigures, timeLines } from "../terminal/summary.js";

/** What torchrun calls a run without --rdzv_id. */
const RUN = "none_";

/** A model or an engine. */
export interface Ranks extends RankFigures {
  close(): Promise<void>;
}

export class RankLogs {
  readonly #flags: TorchrunFlags;
  readonly #isVerbose: boolean;
  readonly #redirects: RankStreams;
  readonly #tee: RankStreams;
  /** Folder of this run, where anything is kept. */
  #folder: string | null = null;
  /** Reports could not be written; that is told once. */
  #isBroken = false;

  constructor(flags: TorchrunFlags & { verbose?: true | undefined }) {
    this.#flags = flags;
    this.#isVerbose = flags.verbose === true;
    this.#redirects = rankStreams(flags.redirects);
    this.#tee = rankStreams(flags.tee);
  }

  /**
   * Starts ranks, has work done on them and closes them; what they have read, how they spent their time, and why one failed
   * goes where it belongs. `label` stands before the lines where a command does so several times.
   */
  async runWithModel<R extends Ranks, T>(
    start: () => Promise<R>,
    work: (ranks: R) => Promise<T>,
    label = "",
  ): Promise<T> {
    this.#open();
    try {
      const ranks = await start();
      this.#note(loadLines(ranks), label);
      try {
        return await work(ranks);
      } finally {
        this.#note(timeLines(ranks), label);
        await ranks.close();
      }
    } catch (error) {
      this.#keepFailure(error);
      throw error;
    }
  }

  /** Warnings of options that name ranks which there are not: nothing would come of them. */
  strayLines(worldSize: number): string[] {
    return unknownRanks(this.#flags, worldSize).map(([option, rank]) => {
      const there = worldSize === 1 ? "there is only rank 0" : `the last is rank ${worldSize - 1}`;
      return `Warning: --${option} names rank ${rank}, and ${there}.`;
    });
  }

  /** Whether the results, rank 0's stdout, are shown. */
  get showsText(): boolean {
    return this.#isSelected(0) && (hasStream(this.#tee, 0, STDOUT) || !hasStream(this.#redirects, 0, STDOUT));
  }

  /** Keeps a piece of the results, if they are to be kept. Throws where it cannot: they may be shown nowhere else. */
  keepText(text: string): void {
    if (!hasStream(this.#tee, 0, STDOUT) && !hasStream(this.#redirects, 0, STDOUT)) return;
    try {
      appendFileSync(this.#file(0, "stdout.log"), text);
    } catch (error) {
      throw logError("runtime", this.#folder, error);
    }
  }

  /** A line about each rank. */
  #note(lines: readonly string[], label: string): void {
    const { role } = this.#flags;
    for (const [rank, line] of lines.entries()) {
      const text = label + line;
      this.#keep(rank, "stderr.log", `${text}\n`);
      if (!this.#isSelected(rank)) continue;
      if (hasStream(this.#tee, rank, STDERR)) printNote(`[${role}${rank}]: ${text}`);
      else if (this.#isVerbose && !hasStream(this.#redirects, rank, STDERR)) printNote(text);
    }
  }

  /** In torchrun's form. */
  #keepFailure(error: unknown): void {
    const place = failurePlace(error);
    if (!place || this.#folder === null) return;
    const { message, stack: callstack } = error as Error;
    const { rank, phase, layer, worldSize: world_size } = place;
    const timestamp = String(Math.floor(Date.now() / 1000));
    const report = { message: { message, extraInfo: { rank, world_size, phase, layer, callstack, timestamp } } };
    const file = this.#keep(rank, "error.json", `${JSON.stringify(report)}\n`);
    if (file !== null) printNote(`Kept in ${file}`);
  }

  /** Adds to a file of a rank and returns its path; null where there is none. The work is not ended by it. */
  #keep(rank: number, name: string, text: string): string | null {
    if (this.#folder === null) return null;
    try {
      const file = this.#file(rank, name);
      if (name === "error.json") writeFileSync(file, text);
      else appendFileSync(file, text);
      return file;
    } catch (error) {
      if (!this.#isBroken) printNote(`Warning: ${logError("runtime", this.#folder, error).message}`);
      this.#isBroken = true;
      return null;
    }
  }

  #isSelected(rank: number): boolean {
    return this.#flags.local_ranks_filter?.includes(rank) ?? true;
  }

  /** Makes the folder of this run, before the long work: nothing is lost where it cannot be made. */
  #open(): void {
    const { log_dir } = this.#flags;
    if (this.#folder !== null || (log_dir === undefined && !namesStream(this.#tee) && !namesStream(this.#redirects)))
      return;
    try {
      if (log_dir !== undefined) mkdirSync(log_dir, { recursive: true });
      const run = mkdtempSync(log_dir === undefined ? join(tmpdir(), "llama-ts-") : join(log_dir, RUN));
      this.#folder = join(run, "attempt_0");
      mkdirSync(this.#folder);
    } catch (error) {
      throw logError("usage", log_dir ?? tmpdir(), error);
    }
    if (log_dir === undefined) printNote(`Logs of the ranks: ${this.#folder}`);
  }

  #file(rank: number, name: string): string {
    const folder = join(this.#folder!, String(rank));
    mkdirSync(folder, { recursive: true });
    return join(folder, name);
  }
}

function logError(kind: "usage" | "runtime", where: string | null, error: unknown): LlamaError {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  return new LlamaError(kind, `logs of the ranks cannot be kept: ${message}`, {
    where: where ?? "--log_dir",
    cause: error,
  });
}
