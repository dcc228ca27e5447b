/** What Linux tells of another process, and of its own killing. Elsewhere nothing is known. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { controlGroups } from "../../engine/machine/control-groups.cjs";

/** Bytes a process has held at most, or null. */
export function peakMemory(pid: number): number | null {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`)) ?? [];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}

/** "R", "S", "T" (stopped), ... or null. */
export function processState(pid: number): string | null {
  return /^State:\s+(\w)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? null;
}

/**
 * Processes that the kernel has killed for want of memory: in this process's cgroup (a container, a service) where it counts
 * them, else on the whole machine; 0 where that is not told. `root` stands before /proc and /sys, for tests.
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
