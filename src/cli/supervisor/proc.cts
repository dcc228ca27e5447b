/** Reads from Linux another process's state and peak memory, and the count of out-of-memory kills. Null or 0 on other systems. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { controlGroups } from "../../engine/machine/control-groups.cjs";

/** Peak memory of a process in bytes, or null. */
export function peakMemory(pid: number): number | null {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`)) ?? [];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}

/** "R", "S", "T" (stopped), ... or null. */
export function processState(pid: number): string | null {
  return /^State:\s+(\w)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? null;
}

/**
 * Number of processes that the kernel has killed because it was out of memory: in this process's cgroup (a container, a
 * service) if it counts them, else on the whole machine; 0 if unknown. `root` is prepended to /proc and /sys, for tests.
 */
export function kernelKills(root = "/"): number {
  for (const group of controlGroups("memory", root)) {
    const count = killCount(group.read(group.version === 2 ? "memory.events" : "memory.oom_control") ?? "");
    if (count !== null) return count;
  }
  return killCount(read(join(root, "proc/vmstat"))) ?? 0;
}

function killCount(counters: string): number | null {
  const [, count] = /^oom_kill (\d+)$/m.exec(counters) ?? [];
  return count === undefined ? null : Number(count);
}

function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
