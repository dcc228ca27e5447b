/** Everything one line of `bench` asks for, checked before the first weight is read. Knows counts and sizes; runs nothing. */
import { availableParallelism, totalmem } from "node:os";
import { type SpeedTest, testLength } from "../../engine/benchmark.js";
import { LlamaError } from "../../error.js";
import type { Checkpoint } from "../../model/checkpoint.js";
import { type ComputeType, chooseType } from "../../model/linear.js";
import { autoWorldSize, partition } from "../../model/partition.js";
import { modelTraffic, type Traffic } from "../../model/traffic.js";
import type { BenchFlags } from "./bench-flags.js";

/** One way to load the model. */
export interface BenchSetup {
  dtype: ComputeType;
  worldSize: number;
  /** Threads of each rank. */
  threads: number;
  traffic: Traffic;
}

/** The tests of every setup, in the order they are run. */
export function planTests({ pp, tg, depth }: Pick<BenchFlags, "pp" | "tg" | "depth">): SpeedTest[] {
  const prefill = pp.map((tokens): SpeedTest => ({ kind: "prefill", tokens, depth: 0 }));
  const decode = tg.flatMap((tokens) => depth.map((depth): SpeedTest => ({ kind: "decode", tokens, depth })));
  const tests = [...prefill, ...decode].filter(({ tokens }) => tokens > 0);
  if (tests.length > 0) return tests;
  throw new LlamaError("usage", "nothing to measure", { fix: "Give --pp or --tg a number above 0" });
}

/** Every combination of type, ranks and threads. Throws for what cannot run: too many ranks, too little memory. */
export function planSetups(
  checkpoint: Checkpoint,
  flags: Pick<BenchFlags, "dtype" | "nproc_per_node" | "threads">,
  maxSeqLen: number,
): BenchSetup[] {
  const { config, parameterCount, shardCount } = checkpoint;
  const cores = availableParallelism();
  const setups = new Map<string, BenchSetup>();
  for (const dtypeFlag of flags.dtype) {
    const dtype = dtypeFlag === "auto" ? chooseType(parameterCount) : dtypeFlag;
    for (const nproc of flags.nproc_per_node) {
      const worldSize = nproc === "auto" ? autoWorldSize(config, cores, shardCount, dtype !== "fp32") : nproc;
      const traffic = modelTraffic(config, partition(config, worldSize), dtype);
      checkMemory(traffic, dtype, maxSeqLen);
      for (const threads of flags.threads ?? [Math.max(1, Math.floor(cores / worldSize))]) {
        setups.set(`${dtype} ${worldSize} ${threads}`, { dtype, worldSize, threads, traffic });
      }
    }
  }
  return [...setups.values()];
}

/** Tokens the longest test needs. */
export function contextLength(tests: readonly SpeedTest[]): number {
  return Math.max(...tests.map(testLength));
}

/** Refuses what is sure not to fit; what is close may still fail. */
function checkMemory({ weights, position }: Traffic, dtype: ComputeType, maxSeqLen: number): void {
  const needed = weights + position * maxSeqLen;
  const available = usableMemory();
  if (needed <= available) return;
  const size = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new LlamaError("memory", `the model does not fit into the memory in ${dtype}`, {
    expected: `at least ${size(needed)} (weights ${size(weights)}, context ${size(position * maxSeqLen)})`,
    found: size(available),
    fix: dtype === "int4" ? "Take fewer --layers of a --preset" : "Take a smaller --dtype",
  });
}

/** What the machine has, or the container allows. */
function usableMemory(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
