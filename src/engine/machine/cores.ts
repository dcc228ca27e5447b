/** How many cores this process may use: those it may run on, within the time that its container is given; and how many threads of them a rank. Starts none. */
import { availableParallelism } from "node:os";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import { stagePlan } from "../stages/stages.js";
import { controlGroups } from "./control-groups.cjs";

/** Threads that wait in pools of sessions at most: with quantised weights every layer has its own. */
const MAX_POOL_THREADS = 256;

/** Whole cores, at least 1. Affinity (taskset, cpusets) is in what Node tells; the quota of a container is not. */
export function availableCores(root?: string): number {
  return Math.max(1, Math.floor(Math.min(availableParallelism(), coreQuota(root))));
}

/** Cores' worth of time in each period: the least of the process's control groups. Infinity without a limit. */
export function coreQuota(root?: string): number {
  let least = Number.POSITIVE_INFINITY;
  for (const { version, read } of controlGroups("cpu", root)) {
    // "200000 100000", or "max 100000"; in version 1 each in a file, and -1 for none
    const files = version === 2 ? [read("cpu.max")] : [read("cpu.cfs_quota_us"), read("cpu.cfs_period_us")];
    const [quota, period] = files.join(" ").split(" ").map(Number);
    if (quota && period && quota > 0) least = Math.min(least, quota / period);
  }
  return least;
}

/** Threads inside an operator: a rank's share of the cores, as far as the pools of all its sessions stay few. */
export function threadsOfRank(cores: number, worldSize: number, nLayers: number, dtype: ComputeType): number {
  const share = Math.max(1, Math.floor(cores / worldSize));
  if (dtype === "fp32") return share;
  const sessions = worldSize * stagePlan(nLayers, worldSize).length;
  return Math.min(share, 1 + Math.floor(MAX_POOL_THREADS / sessions));
}
