/**
 * Names this process in the name or content of a file, and tells from such a mark whether its process has ended.
 * Does not know what the files are for.
 */
import { createHash } from "node:crypto";
import { readFileSync, readlinkSync, statSync, utimesSync } from "node:fs";
import { hostname, uptime } from "node:os";
import { kill, pid } from "node:process";

/** How often a process renews the time of a file that it holds. */
const RENEW_MS = 20_000;
/** A file of a process that cannot be looked up is left over when its time is older than this. */
const STALE_MS = 600_000;

/** A process. An empty string means unknown; unknown fields are not compared. */
export interface ProcessMark {
  pid: number;
  host: string;
  /** Start in clock ticks since boot (Linux): another process with the same pid has another one. */
  started: string;
  /** Identifies the running system and its namespace of pids (Linux): containers can share a host name, but not this. */
  space: string;
}

/** The mark of the calling process. */
export function ownMark(): ProcessMark {
  return { pid, host: hostname(), started: startOf(pid), space: ownSpace() };
}

/**
 * Whether the process of a mark has ended. `file` is the file or folder that has the mark: a process in another
 * namespace of pids cannot be looked up, so it has ended if it no longer renews the time of the file.
 * A process on another host is never considered ended. Throws an error with code ENOENT if the file does not exist.
 */
export function hasEnded(mark: ProcessMark, file: string): boolean {
  if (mark.host !== hostname()) return false;
  const age = Date.now() - statSync(file).mtimeMs;
  // Written before this machine started.
  if (age > uptime() * 1000) return true;
  if (mark.space !== "" && mark.space !== ownSpace()) return age > STALE_MS;
  return !isRunning(mark);
}

/** Renews the time of a file or folder until the returned function is called. Does not keep the process alive. */
export function keepFresh(file: string): () => void {
  const timer = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(file, now, now);
    } catch {
      // Removed by its user: nothing is left to hold.
    }
  }, RENEW_MS).unref();
  return () => clearInterval(timer);
}

function isRunning({ pid, started }: ProcessMark): boolean {
  try {
    if (!(pid > 0)) return false;
    kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  const now = startOf(pid);
  return started === "" || now === "" || now === started;
}

/** The start of a process; empty if unknown. */
function startOf(process: number): string {
  try {
    // A /proc of another namespace has other pids.
    if (readlinkSync("/proc/self") !== String(pid)) return "";
    const stat = readFileSync(`/proc/${process}/stat`, "utf8");
    // The second field, the name in brackets, can contain spaces; the start is field 22.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

function ownSpace(): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const space = `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
    return createHash("sha256").update(space).digest("hex").slice(0, 12);
  } catch {
    return "";
  }
}
