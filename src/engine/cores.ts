/** How many cores this process may use, and how many threads of them a rank: those it may run on, and the time that its container is given. Knows files of Linux. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import type { ComputeType } from "../model/compute-type.js";
import { stagePlan } from "./stages.js";

/** Threads that wait in pools of sessions at most: with quantised weights every layer has its own. */
const MAX_POOL_THREADS = 256;

/** Where control groups are mounted, and the file that tells those of this process. */
export interface ControlGroups {
  mount: string;
  membership: string;
}

const HERE: ControlGroups = { mount: "/sys/fs/cgroup", membership: "/proc/self/cgroup" };

/** Whole cores, at least 1. Affinity (taskset, cpusets) is in what Node tells; the quota of a container is not. */
export function availableCores(groups: ControlGroups = HERE): number {
  return Math.max(1, Math.floor(Math.min(availableParallelism(), coreQuota(groups))));
}

/** Cores' worth of time in each period: the least of the process's groups and those above them. Infinity without a limit. */
export function coreQuota({ mount, membership }: ControlGroups): number {
  let least = Number.POSITIVE_INFINITY;
  for (const line of read(membership).split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    const isUnified = controllers === "";
    if (!isUnified && !controllers!.split(",").includes("cpu")) continue;
    const roots = isUnified ? [mount] : [join(mount, controllers!), join(mount, "cpu")];
    for (const root of roots) {
      // Inside a container the path may be that of the host, and the mount its own group: what is not there has no limit.
      for (let group = path; ; group = dirname(group)) {
        least = Math.min(least, isUnified ? unifiedQuota(join(root, group)) : legacyQuota(join(root, group)));
        if (group === "/") break;
      }
    }
  }
  return least;
}

/** cpu.max: "200000 100000", or "max 100000" */
function unifiedQuota(group: string): number {
  const [quota, period] = read(join(group, "cpu.max")).split(" ").map(Number);
  return ratio(quota, period);
}

function legacyQuota(group: string): number {
  return ratio(Number(read(join(group, "cpu.cfs_quota_us"))), Number(read(join(group, "cpu.cfs_period_us"))));
}

function ratio(quota: number | undefined, period: number | undefined): number {
  return quota && period && quota > 0 ? quota / period : Number.POSITIVE_INFINITY;
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Threads inside an operator: a rank's share of the cores, as far as the pools of all its sessions stay few. */
export function threadsOfRank(cores: number, worldSize: number, nLayers: number, dtype: ComputeType): number {
  const share = Math.max(1, Math.floor(cores / worldSize));
  if (dtype === "fp32") return share;
  const sessions = worldSize * stagePlan(nLayers, worldSize).length;
  return Math.min(share, 1 + Math.floor(MAX_POOL_THREADS / sessions));
}
