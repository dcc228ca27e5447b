/** Reports how much memory this process may use: the machine's, or the limit of a cgroup (a container, a service). Does not know the model. */
import { freemem, platform, totalmem } from "node:os";
import { controlGroups } from "./control-groups.cjs";

/** In bytes. */
export interface MachineMemory {
  /** Memory of the machine, or the cgroup's limit. */
  total: number;
  /** What can be allocated now without swapping or an out-of-memory kill; page cache counts as free. */
  available: number;
  /** Whether a cgroup, not the machine, sets the total. */
  isCgroupLimited: boolean;
}

/** Files with a cgroup's limit, its use, and the page cache included in that use; version 2, then version 1. */
const V2 = { limit: "memory.max", used: "memory.current", cache: /^(?:in)?active_file (\d+)$/gm };
const V1 = {
  limit: "memory.limit_in_bytes",
  used: "memory.usage_in_bytes",
  cache: /^total_(?:in)?active_file (\d+)$/gm,
};

/** `root` is the parent folder of /proc and /sys, for tests. */
export function machineMemory(root = "/"): MachineMemory {
  const total = totalmem();
  // Except on Linux and Windows, "free" does not count reclaimable memory.
  const available = ["linux", "win32"].includes(platform()) ? Math.min(freemem(), total) : total;
  const memory = { total, available, isCgroupLimited: false };
  for (const { limit, free } of memoryLimits(root)) {
    if (limit < memory.total) Object.assign(memory, { total: limit, isCgroupLimited: true });
    memory.available = Math.min(memory.available, free);
  }
  return memory;
}

/** The memory limits of the process's control groups, and how much each leaves free. */
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
