/** What Linux tells of another process, and of its own killing. Elsewhere nothing is known. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

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
  for (const file of killCounters(root)) {
    const [, count] = /^oom_kill (\d+)$/m.exec(read(file)) ?? [];
    if (count !== undefined) return Number(count);
  }
  return 0;
}

/** The files that may count them, the nearest first: version 1 and 2 of cgroups upwards from the own one, then the machine. */
function* killCounters(root: string): Generator<string> {
  const mounts = join(root, "sys/fs/cgroup");
  for (const [, controllers, path] of read(join(root, "proc/self/cgroup")).matchAll(/^\d+:([^:]*):(.*)$/gm)) {
    const isFirst = controllers!.split(",").includes("memory");
    if (controllers !== "" && !isFirst) continue;
    const [top, file] = isFirst ? [join(mounts, "memory"), "memory.oom_control"] : [mounts, "memory.events"];
    // In a container the path may be the host's, or lead out of what is seen: then only the topmost folder is there.
    let folder = join(top, path!);
    if (!folder.startsWith(top)) folder = top;
    for (; folder.startsWith(top); folder = dirname(folder)) yield join(folder, file);
  }
  yield join(root, "proc/vmstat");
}

function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
