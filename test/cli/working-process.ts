/** Finds the supervisor's child, which does the work, from outside (Linux). */
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import type { RunOptions } from "./cli-process.js";

/** The process that does the work, or null. */
export function worker(supervisor: number): number | null {
  const children = `/proc/${supervisor}/task/${supervisor}/children`;
  return existsSync(children) ? Number(readFileSync(children, "utf8").trim().split(" ")[0]) || null : null;
}

/** "R", "S", "T" (stopped), ... or "gone" */
export function processState(pid: number): string {
  const stat = `/proc/${pid}/status`;
  return existsSync(stat) ? /^State:\s+(\w)/m.exec(readFileSync(stat, "utf8"))![1]! : "gone";
}

/** Calls `act` with the working process as soon as the program prints text. */
export function atFirstText(act: (pid: number, child: ChildProcess) => void): RunOptions {
  let isDone = false;
  return {
    onStdout: (child) => {
      if (!isDone) act(worker(child.pid!)!, child);
      isDone = true;
    },
  };
}
