/** The message and the exit code for a child process that a signal has ended. */

import { constants } from "node:os";
import { machineMemory } from "../../engine/machine/machine-memory.js";
import { showBytes } from "../../formats/files/amounts.js";
import { gigabytes, RANK_SPACE } from "./limits.cjs";
import type { Watched } from "./link.cjs";

/** The exit code of LlamaError's kind "memory". */
const EXIT_MEMORY = 4;

/** Signals by which V8 and the C library end a process that gets no memory. */
const NO_MEMORY: readonly NodeJS.Signals[] = ["SIGTRAP", "SIGABRT", "SIGILL", "SIGSEGV", "SIGBUS"];

type DeathFacts = Omit<Watched, "restarts" | "port" | "helper">;

/** The text for stderr and the exit code after `signal` has ended the child. */
export function deathReport(signal: NodeJS.Signals, watched: DeathFacts): { text: string; code: number } {
  const { phase, wasOutOfMemory } = watched;
  const code = 128 + constants.signals[signal];
  const memory = memoryText(watched);
  if (signal === "SIGKILL" && wasOutOfMemory) {
    const advice = "Use a smaller --dtype or --max_seq_len, or end other programs";
    return report(`the kernel killed the process: out of memory while ${phase}${memory}. ${advice}`, EXIT_MEMORY);
  }
  if (signal === "SIGKILL") {
    const cause = "The kernel reports no out-of-memory kill: another process or a container limit sent the signal";
    return report(`the process was killed (SIGKILL) while ${phase}${memory}. ${cause}`, code);
  }
  const { addressSpace } = watched;
  if (addressSpace !== Number.POSITIVE_INFINITY && NO_MEMORY.includes(signal)) {
    const limit = `the limit is ${gigabytes(addressSpace)}, and each rank needs ${gigabytes(RANK_SPACE)} beside the weights`;
    const advice = "Raise the limit (ulimit -v), or use fewer ranks (--nproc_per_node)";
    return report(`out of address space while ${phase}${memory}; ${limit}. ${advice}`, EXIT_MEMORY);
  }
  const advice = "If memory is limited (ulimit), raise the limit; otherwise please report this with the output above";
  return report(`the process crashed (${signal}) while ${phase}${memory}. ${advice}`, code);
}

function report(problem: string, code: number): { text: string; code: number } {
  return { text: `llama-ts: ${problem}.\n`, code };
}

function memoryText({ peak, estimate }: DeathFacts): string {
  const parts: string[] = [];
  if (peak !== null) parts.push(`peak memory ${showBytes(peak)}`);
  if (estimate !== null) parts.push(`estimated need ${showBytes(estimate)}`);
  if (parts.length === 0) return "";
  const { total, isCgroupLimited } = machineMemory();
  return `; ${parts.join(", ")}, ${isCgroupLimited ? "its container" : "the machine"} has ${showBytes(total)}`;
}
