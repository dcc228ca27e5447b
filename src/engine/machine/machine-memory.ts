/** How much memory this process may use: the machine's, or less where a cgroup (a container, a service) has a limit. Knows no model. */
import { freemem, platform, totalmem } from "node:os";
import { controlGroups } from "./control-groups.cjs";

/** In bytes. */
export interface MachineMemory {
  /** What there is at most. */
  total: number;
  /** What could be taken now without anything being swapped or killed; page cache counts as free. */
  available: number;
  /** Whether a cgroup and not the machine sets the total. */
  isCgroupLimited: boolean;
}

/** Files of a cgroup's limit, its use, and the page cache counted in that use, in version 2 and 1. */
const V2 = { limit: "memory.max", used: "memory.current", cache: /^(?:in)?active_file (\d+)$/gm };
const V1 = {
  limit: "memory.limit_in_bytes",
  used: "memory.usage_in_bytes",
  cache: /^total_(?:in)?active_file (\d+)$/gm,
};

/** `root` stands before /proc and /sys, for tests. */
export function machineMemory(root = "/"): MachineMemory {
  const total = totalmem();
  // elsewhere than on Linux and Windows, "free" leaves out what other programs would give back
  const available = ["linux", "win32"].includes(platform()) ? Math.min(freemem(), total) : total;
  const memory = { total, available, isCgroupLimited: false };
  for (const { limit, free } of memoryLimits(root)) {
    if (limit < memory.total) Object.assign(memory, { total: limit, isCgroupLimited: true });
    memory.available = Math.min(memory.available, free);
  }
  return memory;
}

/** The limits of the process's control groups that have one, and what each leaves. */
function* memoryLimits(root: string): Generator<{ limit: number; free: number }> {
  for (const { version, read } of controlGroups("memory", root)) {
    const files = version === 2 ? V2 : V1;
    const limit = Number(read(files.limit) ?? Number.NaN);
    if (!Number.isFinite(limit)) continue;
    const used = Number(read(files.used) ?? 0);
    const cache = [...(read("memory.stat") ?? "").matchAll(files.cache)];
    const reclaimable = cache.reduce((sum, [, bytes]) => sum + Number(bytes), 0);
    yield { limit, free: Math.max(0, limit - Math.max(0, used - reclaimable)) };
  }
}
