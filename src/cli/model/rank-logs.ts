/**
 * Routes the output of each rank like torchrun: to the terminal, to LOG_DIR/none_XXXXXX/attempt_0/RANK, or both.
 * Does not know models or commands.
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

/** torchrun's prefix for a run without --rdzv_id. */
const RUN = "none_";

/** A model or an engine, as it is logged. */
export type Ranks = RankFigures;

export class RankLogs {
  readonly #flags: TorchrunFlags;
  readonly #isVerbose: boolean;
  readonly #redirects: RankStreams;
  readonly #tee: RankStreams;
  /** Folder of this run's logs; null if nothing is logged. */
  #folder: string | null = null;
  /** Set after the first failed write, so that the warning is printed only once. */
  #isBroken = false;

  constructor(flags: TorchrunFlags & { verbose?: true | undefined }) {
    this.#flags = flags;
    this.#isVerbose = flags.verbose === true;
    this.#redirects = rankStreams(flags.redirects);
    this.#tee = rankStreams(flags.tee);
  }

  /** Logs what each rank has read. `label` is printed before each line, for a command that starts ranks several times. */
  keepLoad(ranks: Ranks, label = ""): void {
    this.#note(loadLines(ranks), label);
  }

  /** Logs how each rank has spent its time. */
  keepTimes(ranks: Ranks, label = ""): void {
    this.#note(timeLines(ranks), label);
  }

  /** Warnings for options that name ranks that do not exist and so have no effect. */
  unknownRankLines(worldSize: number): string[] {
    return unknownRanks(this.#flags, worldSize).map(([option, rank]) => {
      const existing = worldSize === 1 ? "there is only rank 0" : `the last rank is ${worldSize - 1}`;
      return `Warning: --${option} names rank ${rank}, but ${existing}.`;
    });
  }

  /** True if the results (rank 0's stdout) go to the terminal. */
  get showsText(): boolean {
    return this.#isSelected(0) && (hasStream(this.#tee, 0, STDOUT) || !hasStream(this.#redirects, 0, STDOUT));
  }

  /** Logs a piece of the results if they are logged. Throws if it cannot, because they may not be shown anywhere else. */
  keepText(text: string): void {
    if (!hasStream(this.#tee, 0, STDOUT) && !hasStream(this.#redirects, 0, STDOUT)) return;
    try {
      appendFileSync(this.#file(0, "stdout.log"), text);
    } catch (error) {
      throw logError("runtime", this.#folder, error);
    }
  }

  /** Logs one line for each rank. */
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

  /** Writes error.json in torchrun's format if a rank has failed. */
  keepFailure(error: unknown): void {
    const place = failurePlace(error);
    if (!place || this.#folder === null) return;
    const { message, stack: callstack } = error as Error;
    const { rank, phase, layer, worldSize: world_size } = place;
    const timestamp = String(Math.floor(Date.now() / 1000));
    const report = { message: { message, extraInfo: { rank, world_size, phase, layer, callstack, timestamp } } };
    const file = this.#keep(rank, "error.json", `${JSON.stringify(report)}\n`);
    if (file !== null) printNote(`Failure report: ${file}`);
  }

  /** Appends to a file of a rank and returns its path; null if there are no logs or the write fails, which does not end the work. */
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

  /** Creates the folder of this run, once: before the long work starts, so that a failure costs no time. */
  open(): void {
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
    if (log_dir === undefined) printNote(`Rank logs: ${this.#folder}`);
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
  return new LlamaError(kind, `cannot write the rank logs: ${message}`, {
    where: where ?? "--log_dir",
    cause: error,
  });
}
