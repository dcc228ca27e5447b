/** Binds each rank's thread to its own cores with taskset; the runtime's threads inherit the binding. Linux only. */
import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { LlamaError } from "../../error.js";

/** Chooses consecutive cores for each rank, since neighbours share a socket. Throws LlamaError (usage) if there are too few, or without Linux. */
export function spreadCores(worldSize: number, threads: number): string[] {
  const allowed = allowedCores();
  if (allowed.length < worldSize * threads) {
    throw new LlamaError("usage", "not enough cores to bind the ranks to", {
      where: "cpu_bind spread",
      expected: `${worldSize} ranks x ${threads} threads`,
      found: `${allowed.length} cores`,
      fix: "Use fewer ranks or threads, or cpu_bind none",
    });
  }
  return Array.from({ length: worldSize }, (_, rank) => allowed.slice(rank * threads, (rank + 1) * threads).join(","));
}

/** Binds the calling thread to cores, a list such as "0,1". Throws LlamaError (runtime) if taskset fails. */
export function bindThread(cores: string): void {
  const thread = readlinkSync("/proc/thread-self").split("/").at(-1)!;
  try {
    execFileSync("taskset", ["-pc", cores, thread], { stdio: "ignore" });
  } catch (error) {
    const fix = "Install util-linux, or use cpu_bind none";
    throw new LlamaError("runtime", "taskset failed", { where: "cpu_bind spread", fix, cause: error });
  }
}

function allowedCores(): number[] {
  let list: string | undefined;
  try {
    list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  } catch {}
  if (list === undefined) {
    throw new LlamaError("usage", "is supported only on Linux", { where: "cpu_bind spread", fix: "Use cpu_bind none" });
  }
  return list.split(",").flatMap((range) => {
    const [first, last] = range.split("-").map(Number);
    return Array.from({ length: (last ?? first!) - first! + 1 }, (_, i) => first! + i);
  });
}
