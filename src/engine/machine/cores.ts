/** Computes how many cores this process may use (affinity and container quota), and how many threads each rank gets. Does not start threads. */
import { availableParallelism } from "node:os";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import { type StepPlan, stagesOf } from "../../model/architecture/step-plan.js";
import { controlGroups } from "./control-groups.cjs";

/** Maximum number of threads over the pools of all sessions: with quantised weights every layer has its own pool. */
const MAX_POOL_THREADS = 256;

/** Whole cores, at least 1. Node's number includes affinity (taskset, cpusets), but not a container's CPU quota. */
export function availableCores(root?: string): number {
  return Math.max(1, Math.floor(Math.min(availableParallelism(), coreQuota(root))));
}

/** CPU quota in cores: the lowest among the process's control groups. Infinity without a limit. */
export function coreQuota(root?: string): number {
  let least = Number.POSITIVE_INFINITY;
  for (const { version, read } of controlGroups("cpu", root)) {
    // "200000 100000", or "max 100000"; version 1 has one file for each number, and -1 means no limit
    const files = version === 2 ? [read("cpu.max")] : [read("cpu.cfs_quota_us"), read("cpu.cfs_period_us")];
    const [quota, period] = files.join(" ").split(" ").map(Number);
    if (quota && period && quota > 0) least = Math.min(least, quota / period);
  }
  return least;
}

/** Threads inside one operator: the rank's share of the cores, reduced if the pools of all sessions would exceed MAX_POOL_THREADS. */
export function threadsOfRank(cores: number, worldSize: number, plan: StepPlan, dtype: ComputeType): number {
  const share = Math.max(1, Math.floor(cores / worldSize));
  if (dtype === "fp32") return share;
  const sessions = worldSize * stagesOf(plan).length;
  return Math.min(share, 1 + Math.floor(MAX_POOL_THREADS / sessions));
}
