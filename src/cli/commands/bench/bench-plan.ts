/** Plans the setups and tests of `bench` and checks them before any weight is read. Does not run them. */

import { availableCores, threadsOfRank } from "../../../engine/machine/cores.js";
import { type SpeedTest, testLength } from "../../../engine/measure/benchmark.js";
import { LlamaError } from "../../../error.js";
import { checkMemory } from "../../../generation/loading/memory-check.js";
import { resolveSetup } from "../../../generation/loading/open-model.js";
import type { ComputeType } from "../../../model/architecture/compute-type.js";
import type { KvType } from "../../../model/architecture/kv-type.js";
import { planStep } from "../../../model/architecture/step-plan.js";
import type { Checkpoint } from "../../../model/checkpoint/checkpoint.js";
import { type BytesPerToken, modelBytesPerToken } from "../../../model/sizes/bytes-per-token.js";
import { allLayers, partition } from "../../../model/split/partition.js";
import type { BenchFlags } from "./bench-flags.js";

/** One way to load the model. */
export interface BenchSetup {
  dtype: ComputeType;
  kvDtype: KvType;
  worldSize: number;
  /** Threads of each rank. */
  threads: number;
  traffic: BytesPerToken;
}

/** The tests of each setup, in the order in which they run. Throws LlamaError (usage) if no test is left. */
export function planTests({ pp, tg, depth }: Pick<BenchFlags, "pp" | "tg" | "depth">): SpeedTest[] {
  const prefill = pp.map((tokens): SpeedTest => ({ kind: "prefill", tokens, depth: 0 }));
  const decode = tg.flatMap((tokens) => depth.map((depth): SpeedTest => ({ kind: "decode", tokens, depth })));
  const tests = [...prefill, ...decode].filter(({ tokens }) => tokens > 0);
  if (tests.length > 0) return tests;
  throw new LlamaError("usage", "nothing to measure", { fix: "Give --pp or --tg a number above 0" });
}

/** All combinations of type, ranks and threads. Throws LlamaError for too many ranks (usage) or too little memory (memory). */
export function planSetups(
  checkpoint: Checkpoint,
  flags: Pick<BenchFlags, "dtype" | "kv_dtype" | "nproc_per_node" | "threads" | "force">,
  maxSeqLen: number,
  cores = availableCores(),
): BenchSetup[] {
  const { config } = checkpoint;
  const setups = new Map<string, BenchSetup>();
  for (const dtypeFlag of flags.dtype) {
    for (const nproc of flags.nproc_per_node) {
      const asked = { nprocPerNode: nproc, dtype: dtypeFlag, kvDtype: flags.kv_dtype };
      const { worldSize, dtype, kvDtype } = resolveSetup(checkpoint, asked);
      const traffic = modelBytesPerToken(config, partition(config, worldSize), dtype, kvDtype);
      if (!flags.force) checkMemory(config, worldSize, { dtype, kvDtype }, maxSeqLen);
      const plan = planStep(config, allLayers(config), worldSize);
      for (const threads of flags.threads ?? [threadsOfRank(cores, worldSize, plan, dtype)]) {
        setups.set(`${dtype} ${worldSize} ${threads}`, { dtype, kvDtype, worldSize, threads, traffic });
      }
    }
  }
  return [...setups.values()];
}

/** Context length in tokens that the longest test needs. */
export function contextLength(tests: readonly SpeedTest[]): number {
  return Math.max(...tests.map(testLength));
}
