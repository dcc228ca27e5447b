/** Pins a rank's thread to cores of its own, by the system's taskset: threads made later by the runtime inherit that. Linux only. */
import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { LlamaError } from "../../error.js";

/** Cores of each rank: consecutive ones, as they lie on the same socket. Throws where that cannot be. */
export function spreadCores(worldSize: number, threads: number): string[] {
  const allowed = allowedCores();
  if (allowed.length < worldSize * threads) {
    throw new LlamaError("usage", "there are not enough cores to bind to", {
      where: "cpu_bind spread",
      expected: `${worldSize} ranks x ${threads} threads`,
      found: `${allowed.length} cores`,
      fix: "Take fewer ranks or threads, or cpu_bind none",
    });
  }
  return Array.from({ length: worldSize }, (_, rank) => allowed.slice(rank * threads, (rank + 1) * threads).join(","));
}

/** Binds the thread that calls. */
export function bindThread(cores: string): void {
  const thread = readlinkSync("/proc/thread-self").split("/").at(-1)!;
  try {
    execFileSync("taskset", ["-pc", cores, thread], { stdio: "ignore" });
  } catch (error) {
    const fix = "Install util-linux, or take cpu_bind none";
    throw new LlamaError("runtime", "taskset failed", { where: "cpu_bind spread", fix, cause: error });
  }
}

function allowedCores(): number[] {
  let list: string | undefined;
  try {
    list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  } catch {}
  if (list === undefined) {
    throw new LlamaError("usage", "is for Linux", { where: "cpu_bind spread", fix: "Take cpu_bind none" });
  }
  return list.split(",").flatMap((range) => {
    const [first, last] = range.split("-").map(Number);
    return Array.from({ length: (last ?? first!) - first! + 1 }, (_, i) => first! + i);
  });
}
