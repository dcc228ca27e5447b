/**
 * Allows one writer per output file: PATH.lock next to it names the writer's process and machine. A lock whose process has
 * ended is replaced, so that a killed run can be resumed at once. Does not know records.
 */
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { hasEnded, keepFresh, ownMark } from "../../engine/machine/process-mark.js";
import { LlamaError } from "../../error.js";

/** Longer than the 3 s within which a child ends after its supervisor was killed. */
const WAIT_MS = 4000;
const POLL_MS = 50;
/** How often a lock that others create and remove meanwhile is tried at once. */
const ATTEMPTS = 10;

/** Who holds a lock file: nobody (it does not exist), a process that has ended, or one that may be running, in words. */
type Holder = "nobody" | "ended" | { process: string };

export class OutputLock {
  readonly #file: string | null;
  readonly #stopRenewing: () => void;

  private constructor(file: string | null) {
    this.#file = file;
    this.#stopRenewing = file === null ? () => {} : keepFresh(file);
  }

  /** Waits up to 4 s for a writer that is about to end. Throws LlamaError (usage) if another process keeps writing. */
  static async acquire(path: string): Promise<OutputLock> {
    // Pipes and devices are not locked.
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) return new OutputLock(null);
    const file = `${path}.lock`;
    const end = performance.now() + WAIT_MS;
    for (;;) {
      let writer: string | null;
      try {
        writer = take(file);
      } catch {
        // No file can be created in this folder: opening the output will report why.
        return new OutputLock(null);
      }
      if (writer === null) return new OutputLock(file);
      if (performance.now() > end) {
        const fix = `Wait for it or use another --output; if it is not llama-ts, delete ${file}`;
        throw new LlamaError("usage", `is being written by ${writer}`, { where: path, fix });
      }
      await sleep(POLL_MS);
    }
  }

  release(): void {
    this.#stopRenewing();
    if (this.#file !== null) rmSync(this.#file, { force: true });
  }
}

/**
 * Creates a lock file; returns null, or the process that holds it. Throws if no file can be created.
 * "Its process has ended" and the removal are two steps, between which another process could remove the lock and create
 * its own. So only the holder of a second lock removes the first: until it does, a lock of an ended process cannot change.
 */
function take(file: string): string | null {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      const { pid, host, started, space } = ownMark();
      writeFileSync(file, `${pid} ${host} ${started} ${space}\n`, { flag: "wx" });
      return null;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = holderOf(file);
    if (typeof holder === "object") return holder.process;
    if (holder === "nobody") continue;
    const guard = `${file}.takeover`;
    const other = take(guard);
    if (other !== null) return other;
    try {
      if (holderOf(file) === "ended") rmSync(file);
    } finally {
      rmSync(guard, { force: true });
    }
  }
  return "another process";
}

function holderOf(file: string): Holder {
  try {
    const [pid, host, started = "", space = ""] = readFileSync(file, "utf8").trim().split(" ");
    // The lock file is created, but not written yet.
    if (!pid || !host) return { process: "another process" };
    const mark = { pid: Number(pid), host, started, space };
    if (hasEnded(mark, file)) return "ended";
    const own = ownMark();
    if (host !== own.host) return { process: `process ${pid} on ${host}` };
    return { process: `process ${pid}${space === "" || space === own.space ? "" : " of another container"}` };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "nobody";
    return { process: "another process" };
  }
}
