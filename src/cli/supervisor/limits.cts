/** The limits of open files and of address space that a shell has set (ulimit), and whether they are enough to start. Only Linux reports them. */
import { readFileSync } from "node:fs";

export interface ProcessLimits {
  /** Files open at once; Infinity if not limited. */
  files: number;
  /** Bytes of address space; Infinity if not limited. */
  addressSpace: number;
}

/** Without it V8 reserves 8 to 10 GB for each memory of WebAssembly, instead of checking its bounds in code. Node has it from 20.15 and 22.2. */
export const SMALL_WASM = "--disable-wasm-trap-handler";
/** The modules are opened many at a time; below 19 Node itself does not start. */
const LEAST_FILES = 256;
/** Measured with one rank and the demo model: 1.8 GB (2.6 GB for the server) with the option, 23.1 GB without it. */
const LEAST_SPACE = 3e9;
const LEAST_SPACE_WITH_TRAPS = 24e9;
/** Address space of each further rank, measured in the same way. */
export const RANK_SPACE = 0.6e9;

export function processLimits(file = "/proc/self/limits"): ProcessLimits {
  let text = "";
  try {
    text = readFileSync(file, "latin1");
  } catch {
    // Not Linux.
  }
  const soft = (name: string) => {
    const [, value] = new RegExp(`^${name} +(\\S+)`, "m").exec(text) ?? [];
    return value === undefined || value === "unlimited" ? Number.POSITIVE_INFINITY : Number(value);
  };
  return { files: soft("Max open files"), addressSpace: soft("Max address space") };
}

/** Whether a process of this Node can be started with SMALL_WASM. */
export function hasSmallWasm(): boolean {
  return process.allowedNodeEnvironmentFlags.has(SMALL_WASM);
}

/** The line for stderr and the exit code if the limits are too small, or null. `isSmall`: WebAssembly reserves little. */
export function limitProblem(
  { files, addressSpace }: ProcessLimits,
  isSmall: boolean,
): { text: string; code: number } | null {
  if (files < LEAST_FILES) {
    const text = `the limit of open files is too small; expected at least ${LEAST_FILES}, found ${files}. Raise the limit (ulimit -n 1024)`;
    return { text, code: 1 };
  }
  const least = isSmall ? LEAST_SPACE : LEAST_SPACE_WITH_TRAPS;
  if (addressSpace >= least) return null;
  const text = `the limit of address space is too small; expected at least ${gigabytes(least)}, found ${gigabytes(addressSpace)}. Raise the limit (ulimit -v), or limit memory by a cgroup instead`;
  return { text, code: 4 };
}

export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
