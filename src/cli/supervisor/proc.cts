/** What Linux tells of another process, and of its own killing. Elsewhere nothing is known. */
import { readFileSync } from "node:fs";

/** Bytes a process has held at most, or null. */
export function peakMemory(pid: number): number | null {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`)) ?? [];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}

/** "R", "S", "T" (stopped), ... or null. */
export function processState(pid: number): string | null {
  return /^State:\s+(\w)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? null;
}

/** Processes that the kernel has killed for want of memory since it started; 0 where that is not told. */
export function kernelKills(): number {
  return Number(/^oom_kill (\d+)$/m.exec(read("/proc/vmstat"))?.[1] ?? 0);
}

function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
