/**
 * One writer for a file of answers: PATH.lock beside it holds the writer's process and machine. A lock whose process is gone
 * is taken over, so that a run that was killed can be gone on with at once. Knows processes; not records.
 */
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname, uptime } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { LlamaError } from "../../error.js";

/** The child of a supervisor that was killed ends within 3 s. */
const WAIT_MS = 4000;
const LOOK_MS = 50;

export class OutputLock {
  readonly #file: string | null;

  private constructor(file: string | null) {
    this.#file = file;
  }

  /** Waits a little for a writer that is about to end; LlamaError while another one writes. */
  static async take(path: string): Promise<OutputLock> {
    // A pipe or a device is nobody's.
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) return new OutputLock(null);
    const file = `${path}.lock`;
    const end = performance.now() + WAIT_MS;
    for (;;) {
      try {
        writeFileSync(file, `${process.pid} ${hostname()}\n`, { flag: "wx" });
        return new OutputLock(file);
      } catch (error) {
        // A folder that takes no new file: what is wrong with it, the answers themselves will tell.
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") return new OutputLock(null);
      }
      const writer = livingWriter(file);
      if (writer === null) rmSync(file, { force: true });
      else if (performance.now() > end) {
        const fix = `Wait for it or take another --output; if it is not llama-ts, delete ${file}`;
        throw new LlamaError("usage", `is being written by ${writer}`, { where: path, fix });
      } else await sleep(LOOK_MS);
    }
  }

  release(): void {
    if (this.#file !== null) rmSync(this.#file, { force: true });
  }
}

/** The process that holds a lock, in words; null when it is gone. */
function livingWriter(file: string): string | null {
  try {
    const [pid, host] = readFileSync(file, "utf8").trim().split(" ");
    // It has been made, and not yet been written to.
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
