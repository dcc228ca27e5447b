import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { hasEnded, ownMark, type ProcessMark } from "../../src/engine/machine/process-mark.js";
import { clearCache } from "../../src/engine/weight-cache/cache-entries.js";
import { beginCache, cacheFolder, discardCache } from "../../src/engine/weight-cache/cache-folder.js";

const root = mkdtempSync(join(tmpdir(), "llama-ts-mark-"));
after(() => rmSync(root, { recursive: true }));

const own = ownMark();
const DEAD = 2 ** 22 + 1;
const isLinux = process.platform === "linux";
const MODULE = JSON.stringify(new URL("../../src/engine/weight-cache/cache-folder.js", import.meta.url).href);

/** A file whose time was renewed that number of seconds ago. */
function heldFile(secondsAgo: number): string {
  const file = join(root, `held-${secondsAgo}`);
  writeFileSync(file, "");
  utimesSync(file, new Date(), Date.now() / 1000 - secondsAgo);
  return file;
}

test("a process of this system has ended if no process has its pid, or if a later one has", () => {
  const file = heldFile(0);
  const ended = (mark: Partial<ProcessMark>) => hasEnded({ ...own, ...mark }, file);
  assert.equal(ended({}), false);
  assert.equal(ended({ started: "" }), false);
  assert.equal(ended({ started: "", space: "" }), false);
  assert.equal(ended({ pid: DEAD }), true);
  assert.equal(ended({ pid: 0 }), true);
  assert.equal(ended({ started: "1" }), isLinux);
  assert.throws(() => hasEnded(own, join(root, "no file")), { code: "ENOENT" });
});

test("a process in another namespace of pids has ended only if it no longer renews the time of its file", () => {
  const foreign = { ...own, pid: DEAD, space: "0".repeat(12) };
  assert.equal(hasEnded(foreign, heldFile(0)), false);
  assert.equal(hasEnded(foreign, heldFile(300)), false);
  assert.equal(hasEnded(foreign, heldFile(900)), true);
  // A machine that has been started again has other namespaces.
  assert.equal(hasEnded({ ...own, space: "0".repeat(12) }, heldFile(40 * 365 * 86400)), true);
});

test("a process on another host is never considered ended", () => {
  assert.equal(hasEnded({ ...own, host: `${hostname()}x`, pid: DEAD }, heldFile(900)), false);
});

test("the unfinished folder of an ended process is removed, also if another process has its pid now", () => {
  const cache = join(root, "ended");
  mkdirSync(cache);
  const unfinished = beginCache(cache, cacheFolder(cache, "model", 1), 0);
  const of = (mark: Partial<ProcessMark>) => {
    const { host, pid, started, space } = { ...own, ...mark };
    return join(cache, `${"0".repeat(32)}.${host}.${pid}.${started}.${space}.0123abcd.tmp`);
  };
  const kept = [of({}), of({ host: `${hostname()}.x` }), of({ pid: DEAD, space: "0".repeat(12) })];
  const removed = [of({ pid: DEAD }), ...(isLinux ? [of({ started: "1" })] : [])];
  for (const folder of [...kept, ...removed]) mkdirSync(folder);
  assert.equal(clearCache(cache).folders, removed.length);
  assert.deepEqual(
    readdirSync(cache)
      .map((name) => join(cache, name))
      .sort(),
    [...kept, unfinished].sort(),
  );
});

const unshare = ["-rpf", "--mount-proc", process.execPath];
const canUnshare = isLinux && spawnSync("unshare", [...unshare, "-e", "0"]).status === 0;

test("a process in another container does not remove a folder that is being written", {
  skip: !canUnshare && "needs namespaces of pids (unshare)",
}, async () => {
  const cache = join(root, "shared");
  mkdirSync(cache);
  // The pid of this process does not exist in the container, whose host name is the same.
  const unfinished = beginCache(cache, cacheFolder(cache, "model", 1), 0);
  const script = `import { removeAbandoned } from ${MODULE}; removeAbandoned(${JSON.stringify(cache)});`;
  const container = spawn("unshare", [...unshare, "--input-type=module", "-e", script], { stdio: "inherit" });
  assert.equal(await new Promise((resolve) => container.on("close", resolve)), 0);
  assert.ok(existsSync(unfinished));
  discardCache(unfinished);
});
