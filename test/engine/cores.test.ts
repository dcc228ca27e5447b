import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Engine } from "../../src/engine/engine.js";
import { RankClock } from "../../src/engine/host/rank-times.js";
import { availableCores, coreQuota } from "../../src/engine/machine/cores.js";
import { openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { demo } from "../folders.js";

const root = mkdtempSync(join(tmpdir(), "llama-ts-cores-"));
after(() => rmSync(root, { recursive: true }));

/** Creates a tree of control groups, with the process in some of them; returns its root. */
function groups(membership: string, files: Record<string, string>): string {
  const tree = mkdtempSync(join(root, "tree-"));
  const write = (file: string, text: string) => {
    mkdirSync(join(tree, file, ".."), { recursive: true });
    writeFileSync(join(tree, file), text);
  };
  write("proc/self/cgroup", membership);
  for (const [file, text] of Object.entries(files)) write(join("sys/fs/cgroup", file), text);
  return tree;
}

test("the lowest CPU quota among a process's control groups counts", () => {
  const unified = groups("0::/a/b\n", {
    "a/cpu.max": "150000 100000\n",
    "a/b/cpu.max": "max 100000\n",
    "c/cpu.max": "1 2",
  });
  assert.equal(coreQuota(unified), 1.5);
  assert.equal(availableCores(unified), 1);
  const container = groups("0::/\n", { "cpu.max": "50000 100000\n" });
  assert.equal(coreQuota(container), 0.5);
  assert.equal(availableCores(container), 1);
  const legacy = groups("3:cpu,cpuacct:/docker/1f\n1:memory:/\n0::/\n", {
    "cpu,cpuacct/cpu.cfs_quota_us": "300000\n",
    "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
  });
  assert.equal(coreQuota(legacy), 3);
  const unlimited = groups("1:cpu:/\n", { "cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n" });
  assert.equal(coreQuota(unlimited), Number.POSITIVE_INFINITY);
  const outside = groups("0::/../../x\n", { "cpu.max": "250000 100000\n" });
  assert.equal(coreQuota(outside), 2.5);
  assert.equal(coreQuota(join(root, "none")), Number.POSITIVE_INFINITY);
  assert.equal(availableCores(unlimited), availableParallelism());
});

test("the rank clock adds up the time of the ranks, and the idle time between steps", () => {
  const clock = new RankClock(2);
  assert.deepEqual(clock.times()[1], { steps: 0, total: 0, computing: 0, summing: 0, idle: 0 });
  const begin = performance.now() - 100;
  clock.add(begin, [
    { total: 30, waited: 4, summing: 5 },
    { total: 40, waited: 0, summing: 1 },
  ]);
  clock.add(begin + 50, [
    { total: 30, waited: 4, summing: 5 },
    { total: 20, waited: 0, summing: 1 },
  ]);
  const [first, second] = clock.times();
  assert.deepEqual([first!.steps, first!.computing, first!.summing], [2, 50, 10]);
  assert.ok(first!.total >= 100 && Math.abs(first!.idle - (first!.total - 60)) < 1e-6);
  assert.deepEqual([second!.computing, second!.summing], [58, 2]);
});

const canBind = process.platform === "linux" && availableParallelism() > 1 && spawnSync("taskset", ["-V"]).status === 0;

test("each rank can be bound to its own cores", { skip: !canBind && "needs taskset and two cores" }, async () => {
  const start = (worldSize: number) =>
    Engine.start(openCheckpoint(demo, 2048), {
      ...{ worldSize, dtype: "fp32", maxSeqLen: 64 },
      threadsPerRank: 1,
      cpuBind: "spread",
    });
  const engine = await start(2);
  const lists = readdirSync("/proc/self/task").map((thread) => {
    const status = readFileSync(`/proc/self/task/${thread}/status`, "utf8");
    return /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)![1]!;
  });
  await engine.close();
  const [all] = lists;
  assert.equal(new Set(lists.filter((list) => list !== all)).size, 2, lists.join(" "));
  if (availableParallelism() < 8)
    await assert.rejects(start(8), /not enough cores to bind the ranks to.*8 ranks x 1 threads/);
});
