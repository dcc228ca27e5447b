/** A death by signal in words, and the exit code for it. Knows signals and memory; watches nothing. */
import { constants } from "node:os";
import { machineMemory } from "../../engine/machine/machine-memory.js";
import type { Watched } from "./link.cjs";

/** As LlamaError's kind "memory". */
const EXIT_MEMORY = 4;

/** The report of a child that a signal has ended, as lines for stderr. */
export function deathReport(signal: NodeJS.Signals, watched: Watched): { text: string; code: number } {
  const { phase, wasMemoryShort } = watched;
  const code = 128 + constants.signals[signal];
  const memory = memoryText(watched);
  if (signal === "SIGKILL" && wasMemoryShort) {
    const advice = "Take a smaller --dtype or --max_seq_len, or end other programs";
    return report(`the kernel killed the process for want of memory while ${phase}${memory}. ${advice}`, EXIT_MEMORY);
  }
  if (signal === "SIGKILL") {
    const doubt = "The kernel reports no want of memory, so another process or a limit of the container did it";
    return report(`the process was killed (SIGKILL) while ${phase}${memory}. ${doubt}`, code);
  }
  const advice = "If memory was limited (ulimit), give it more; else please report it, with what stands above";
  return report(`the process crashed (${signal}) while ${phase}${memory}. ${advice}`, code);
}

function report(problem: string, code: number): { text: string; code: number } {
  return { text: `llama-ts: ${problem}.\n`, code };
}

function memoryText({ peak, estimate }: Watched): string {
  const parts: string[] = [];
  if (peak !== null) parts.push(`it held ${gigabytes(peak)} at most`);
  if (estimate !== null) parts.push(`needs about ${gigabytes(estimate)}`);
  if (parts.length === 0) return "";
  const { total, isCgroupLimited } = machineMemory();
  return `; ${parts.join(" and ")}, ${isCgroupLimited ? "its container" : "the machine"} has ${gigabytes(total)}`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(bytes < 1e10 ? 2 : 1)} GB`;
}
