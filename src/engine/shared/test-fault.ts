/** Injects failures for the tests of failure handling. Only this file reads their environment variable, and only under the test runner. */
import { env, exit, kill, pid } from "node:process";
import { LlamaError } from "../../error.js";

const VARIABLE = "TEST_LLAMA_TS_FAULT";

const KINDS = ["throw", "memory", "hang", "exit", "abort", "kill"] as const;
export type FaultKind = (typeof KINDS)[number];

/** What fails, and where: "RANK:PHASE:LAYER:KIND"; an empty LAYER means any. */
export interface Fault {
  rank: number;
  phase: string;
  layer: number | null;
  kind: FaultKind;
}

/** The fault that the environment asks for, or null. Throws LlamaError (usage) outside of the test runner. */
export function plannedFault(): Fault | null {
  const text = env[VARIABLE];
  if (text === undefined) return null;
  const [rank, phase, layer, kind] = text.split(":");
  const known = KINDS.find((name) => name === kind);
  if (env.NODE_TEST_CONTEXT === undefined || !known) {
    throw new LlamaError("usage", "is reserved for the tests of llama-ts", { where: VARIABLE, fix: "Unset it" });
  }
  return { rank: Number(rank), phase: phase!, layer: layer === "" ? null : Number(layer), kind: known };
}

/** Fails in the calling thread. */
export function injectFault(kind: FaultKind): void {
  switch (kind) {
    case "throw":
      throw new Error("a failure made on purpose");
    case "memory":
      new ArrayBuffer(2 ** 46);
      return;
    case "hang":
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      return;
    case "exit":
      exit(7);
      return;
    case "abort":
      kill(pid, "SIGABRT");
      return;
    case "kill":
      kill(pid, "SIGKILL");
  }
}
