/**
 * Allows one writer per output file: PATH.lock next to it names the writer's process and machine. A lock whose process has
 * ended is replaced, so that a killed run can be resumed at once. Does not know records.
 */
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname, uptime } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { LlamaError } from "../../error.js";

/** Longer than the 3 s within which a child ends after its supervisor was killed. */
const WAIT_MS = 4000;
const POLL_MS = 50;

export class OutputLock {
  readonly #file: string | null;

  private constructor(file: string | null) {
    this.#file = file;
  }

  /** Waits up to 4 s for a writer that is about to end. Throws LlamaError (usage) if another process keeps writing. */
  static async acquire(path: string): Promise<OutputLock> {
    // Pipes and devices are not locked.
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) return new OutputLock(null);
    const file = `${path}.lock`;
    const end = performance.now() + WAIT_MS;
    for (;;) {
      try {
        writeFileSync(file, `${process.pid} ${hostname()}\n`, { flag: "wx" });
        return new OutputLock(file);
      } catch (error) {
        // No file can be created in this folder: opening the output will report why.
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") return new OutputLock(null);
      }
      const writer = livingWriter(file);
      if (writer === null) rmSync(file, { force: true });
      else if (performance.now() > end) {
        const fix = `Wait for it or use another --output; if it is not llama-ts, delete ${file}`;
        throw new LlamaError("usage", `is being written by ${writer}`, { where: path, fix });
      } else await sleep(POLL_MS);
    }
  }

  release(): void {
    if (this.#file !== null) rmSync(this.#file, { force: true });
  }
}

/** The process that holds a lock, in words; null if it has ended. */
function livingWriter(file: string): string | null {
  try {
    const [pid, host] = readFileSync(file, "utf8").trim().split(" ");
    // The lock file is created, but not written yet.
    if (!pid || !host) return "another process";
    if (host !== hostname()) return `process ${pid} on ${host}`;
    const isBeforeStart = statSync(file).mtimeMs < Date.now() - uptime() * 1000;
    return isBeforeStart || !isAlive(Number(pid)) ? null : `process ${pid}`;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
