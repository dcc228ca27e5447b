/** Runs commands of tests in a cgroup with a memory limit that the kernel enforces by killing. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Run, type RunOptions, run } from "./cli-process.js";

export interface MemoryLimit {
  run(command: string, args: readonly string[], options?: RunOptions): Promise<Run>;
  /** The processes in the group, if known. */
  processes(): number[];
}

const ROOT = "/sys/fs/cgroup";
const NAME = `llama-ts-test-${process.pid}`;
/** For version 1 and 2: the root group and a file in it, the limit, and the setting that prevents swapping. */
const VERSIONS = [
  { top: join(ROOT, "memory"), mark: "memory.stat", limit: "memory.limit_in_bytes", swap: "memory.swappiness" },
  { top: ROOT, mark: "cgroup.controllers", limit: "memory.max", swap: "memory.swap.max" },
];

/** A limit that is removed after the tests of the file, or the reason why none can be set. */
export function memoryLimit(bytes: number): MemoryLimit | string {
  for (const version of VERSIONS) {
    const group = join(version.top, NAME);
    try {
      if (!existsSync(join(version.top, version.mark))) continue;
      mkdirSync(group);
      after(() => removeGroup(group));
      writeFileSync(join(group, version.limit), String(bytes));
      if (existsSync(join(group, version.swap))) writeFileSync(join(group, version.swap), "0");
    } catch {
      continue; // not allowed, or without the memory controller
    }
    const processes = join(group, "cgroup.procs");
    return {
      run: (command, args, options) =>
        run("sh", ["-c", 'echo $$ > "$0" && exec "$@"', processes, command, ...args], options),
      processes: () => processesOf(group),
    };
  }
  const scope = ["--user", "--scope", "--quiet", "-p", `MemoryMax=${bytes}`, "-p", "MemorySwapMax=0", "--"];
  if (spawnSync("systemd-run", [...scope, "true"], { stdio: "ignore" }).status === 0) {
    return {
      run: (command, args, options) => run("systemd-run", [...scope, command, ...args], options),
      processes: () => [],
    };
  }
  return "neither a cgroup with a limit of memory can be made (as root), nor a scope of systemd's";
}

function processesOf(group: string): number[] {
  return readFileSync(join(group, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number);
}

async function removeGroup(group: string): Promise<void> {
  for (let tries = 0; existsSync(group); tries++) {
    for (const pid of processesOf(group)) process.kill(pid, "SIGKILL");
    try {
      rmdirSync(group);
    } catch (error) {
      // A process that has just ended stays listed for a moment.
      if (tries > 50) throw error;
      await sleep(20);
    }
  }
}
