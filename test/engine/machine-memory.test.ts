import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { machineMemory } from "../../src/engine/machine/machine-memory.js";

const root = mkdtempSync(join(tmpdir(), "llama-ts-cgroup-"));
after(() => rmSync(root, { recursive: true, force: true }));

function tree(name: string, files: Record<string, string>): string {
  for (const [file, text] of Object.entries(files)) {
    const path = join(root, name, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return join(root, name);
}

test("without a cgroup, the machine's memory is reported", () => {
  const { total, available, isCgroupLimited } = machineMemory(tree("none", {}));
  assert.equal(total, totalmem());
  assert.ok(available > 0 && available <= total);
  assert.equal(isCgroupLimited, false);
});

test("cgroup version 2: the lowest limit among the parents counts, and page cache counts as free", () => {
  const found = machineMemory(
    tree("v2", {
      "proc/self/cgroup": "0::/user/job\n",
      "sys/fs/cgroup/user/memory.max": "50000000\n",
      "sys/fs/cgroup/user/memory.current": "30000000\n",
      "sys/fs/cgroup/user/memory.stat": "anon 5000000\nfile 25000000\nactive_file 5000000\ninactive_file 20000000\n",
      "sys/fs/cgroup/user/job/memory.max": "max\n",
      "sys/fs/cgroup/user/job/memory.current": "30000000\n",
    }),
  );
  assert.deepEqual(found, { total: 50e6, available: 45e6, isCgroupLimited: true });
});

test("cgroup version 1, in a container that sees only its own folder", () => {
  const found = machineMemory(
    tree("v1", {
      "proc/self/cgroup": "11:cpu,cpuacct:/docker/x\n7:memory:/docker/x\n",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "40000000\n",
      "sys/fs/cgroup/memory/memory.usage_in_bytes": "10000000\n",
      "sys/fs/cgroup/memory/memory.stat": "active_file 1\ntotal_active_file 1000000\ntotal_inactive_file 2000000\n",
    }),
  );
  assert.deepEqual(found, { total: 40e6, available: 33e6, isCgroupLimited: true });
});

test("a cgroup path that leads outside the mount uses the top folder", () => {
  const found = machineMemory(
    tree("outside", { "proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/memory.max": "7000000\n" }),
  );
  assert.deepEqual(found, { total: 7e6, available: 7e6, isCgroupLimited: true });
});
