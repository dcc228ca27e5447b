/** The limit of the process's address space (`ulimit -v`), from Linux. Does not know what needs addresses. */
import { readFileSync } from "node:fs";

/** Bytes of addresses that the process may reserve; Infinity without a limit, and where the system does not say. */
export function addressLimit(file = "/proc/self/limits"): number {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return Number.POSITIVE_INFINITY;
  }
  // "Max address space         8000000000           unlimited            bytes"
  const [, limit] = /^Max address space\s+(\d+)\s/m.exec(text) ?? [];
  return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
}
