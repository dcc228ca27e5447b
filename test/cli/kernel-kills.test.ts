/** The kernel's counter of out-of-memory kills is found on each kind of system. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { kernelKills } from "../../src/cli/supervisor/proc.cjs";
import { temporaryFolder } from "./cli-process.js";

const root = temporaryFolder();
const MACHINE = { "proc/vmstat": "nr_free_pages 1\noom_kill 9\n" };
const V1 = (kills: number) => `oom_kill_disable 0\nunder_oom 0\noom_kill ${kills}\n`;
const V2 = (kills: number) => `low 0\nhigh 0\nmax 12\noom 3\noom_kill ${kills}\noom_group_kill 5\n`;

function kills(name: string, files: Record<string, string>): number {
  for (const [file, text] of Object.entries({ ...MACHINE, ...files })) {
    const path = join(root, name, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return kernelKills(join(root, name));
}

test("without a cgroup that counts, the machine's counter is used", () => {
  assert.equal(kills("none", {}), 9);
  // The root group of version 2 has no counter.
  assert.equal(kills("top", { "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cgroup.procs": "1\n" }), 9);
  // Kernels before 4.13 have no counter.
  const old = { "proc/vmstat": "", "proc/self/cgroup": "4:memory:/a\n" };
  assert.equal(kills("old", { ...old, "sys/fs/cgroup/memory/a/memory.oom_control": "oom_kill_disable 0\n" }), 0);
});

test("version 2: the nearest ancestor group that counts is used", () => {
  const above = { "sys/fs/cgroup/user/memory.events": V2(4) };
  const own = { "sys/fs/cgroup/user/job/memory.events": V2(1) };
  assert.equal(kills("v2", { "proc/self/cgroup": "0::/user/job\n", ...above, ...own }), 1);
  assert.equal(kills("v2-above", { "proc/self/cgroup": "0::/user/job\n", ...above }), 4);
  // A container that cannot see the groups above it.
  assert.equal(kills("v2-own", { "proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/memory.events": V2(2) }), 2);
});

test("version 1: the group of the memory controller is used, also together with version 2", () => {
  const lines = "9:name=systemd:/s\n4:cpu,memory:/job\n3:cpuset:/c\n0::/\n";
  const groups = {
    "sys/fs/cgroup/memory/memory.oom_control": V1(7),
    "sys/fs/cgroup/memory/job/memory.oom_control": V1(0),
  };
  assert.equal(kills("v1", { "proc/self/cgroup": lines, ...groups }), 0);
  // A container in which the host's path does not exist.
  const own = { "sys/fs/cgroup/memory/memory.oom_control": V1(3) };
  assert.equal(kills("v1-own", { "proc/self/cgroup": "4:memory:/docker/x\n", ...own }), 3);
});
