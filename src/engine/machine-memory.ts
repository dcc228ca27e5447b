/** How much memory this process may use: the machine's, or less where a cgroup (a container, a service) has a limit. Knows no model. */
import { existsSync, readFileSync } from "node:fs";
import { freemem, platform, totalmem } from "node:os";
import { dirname, join } from "node:path";

/** In bytes. */
export interface MachineMemory {
  /** What there is at most. */
  total: number;
  /** What could be taken now without anything being swapped or killed; page cache counts as free. */
  available: number;
  /** Whether a cgroup and not the machine sets the total. */
  isLimited: boolean;
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
  const memory = { total, available, isLimited: false };
  for (const { limit, free } of cgroupLimits(root)) {
    if (limit < memory.total) Object.assign(memory, { total: limit, isLimited: true });
    memory.available = Math.min(memory.available, free);
  }
  return memory;
}

/** Every limit on the way from this process's cgroup to the topmost one that is seen. */
function* cgroupLimits(root: string): Generator<{ limit: number; free: number }> {
  const mounts = join(root, "sys/fs/cgroup");
  for (const line of (read(join(root, "proc/self/cgroup")) ?? "").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    const isMemory = controllers!.split(",").includes("memory");
    if (controllers !== "" && !isMemory) continue;
    const [top, files] = isMemory ? [join(mounts, "memory"), V1] : [mounts, V2];
    // In a container the path may be the host's, or lead out of what is seen: then only the topmost folder is there.
    let folder = join(top, path);
    if (!folder.startsWith(top) || !existsSync(folder)) folder = top;
    for (; folder.startsWith(top); folder = dirname(folder)) {
      const limit = Number(read(join(folder, files.limit)) ?? Number.NaN);
      if (!Number.isFinite(limit)) continue;
      const used = Number(read(join(folder, files.used)) ?? 0);
      const cache = [...(read(join(folder, "memory.stat")) ?? "").matchAll(files.cache)];
      const reclaimable = cache.reduce((sum, [, bytes]) => sum + Number(bytes), 0);
      yield { limit, free: Math.max(0, limit - Math.max(0, used - reclaimable)) };
    }
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // not this system's kind of file
  }
}
