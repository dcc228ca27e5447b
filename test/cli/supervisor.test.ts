import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { deathReport } from "../../src/cli/supervisor/death.js";
import { BIN, llama, run, temporaryFolder } from "./cli-process.js";
import { atFirstText, processState, worker } from "./working-process.js";

const LONG = [
  "generate",
  "--prompt",
  "Once upon a time",
  "--max_gen_len",
  "400",
  "--temperature",
  "1.5",
  "--top_p",
  "1",
];
/** Writes 4 layers to the cache, which takes some seconds. */
const CONVERT = ["bench", "--preset", "7B", "--layers", "4", "--dtype", "int4", "--trials", "1", "--quiet"];

async function until(condition: () => boolean, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    assert.ok(performance.now() < end, "in time");
    await sleep(20);
  }
}

describe("the supervisor", { skip: process.platform !== "linux" && "it reads /proc", concurrency: 2 }, () => {
  test("dies from the signal that it forwarded if the child dies from it", async () => {
    const env = { XDG_CACHE_HOME: temporaryFolder() };
    const cache = join(env.XDG_CACHE_HOME, "llama-ts");
    const isWriting = () =>
      existsSync(cache) && readdirSync(cache).some((name) => readdirSync(join(cache, name)).length > 1);
    const onStart = async (child: ChildProcess) => {
      await until(isWriting, 60_000);
      child.kill("SIGINT");
      await sleep(400);
      child.kill("SIGINT");
    };
    const { code, stdout, stderr } = await llama(CONVERT, { env, onStart });
    assert.ok(code === null || code === 130, `${code}`);
    assert.deepEqual([stdout, stderr], ["", ""]);
    assert.deepEqual(readdirSync(cache), []);
    const killed = (child: ChildProcess) =>
      until(isWriting, 60_000).then(() => process.kill(worker(child.pid!)!, "SIGKILL"));
    const again = await llama(CONVERT, { env, onStart: killed });
    assert.equal(again.code, 137);
    assert.match(again.stderr, /^llama-ts: the process was killed \(SIGKILL\) while loading the model; .*\n$/);
    assert.deepEqual(readdirSync(cache), []);
  });

  test("does not leave an orphan if it is killed itself", async () => {
    let pid = 0;
    const start = performance.now();
    await llama(
      LONG,
      atFirstText((working, child) => {
        pid = working;
        child.kill("SIGKILL");
      }),
    );
    await until(() => processState(pid) === "gone");
    assert.ok(performance.now() - start < 10_000);
  });

  test("stops and continues together with the child", async () => {
    // An orphaned process group, such as that of a background job, may not be stopped by this signal.
    const job = 'set -m; "$0" "$@" & while :; do wait $!; code=$?; kill -0 $! 2>/dev/null || exit $code; done';
    const onStdout = atFirstText(async (supervisor) => {
      const pid = worker(supervisor)!;
      process.kill(supervisor, "SIGTSTP");
      await until(() => processState(pid) === "T" && processState(supervisor) === "T");
      await sleep(300);
      process.kill(supervisor, "SIGCONT");
    });
    const { code, stderr } = await run("bash", ["-c", job, process.execPath, BIN, ...LONG], onStdout);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /generated tokens, stop: (length|stop)/);
  });

  test("counts a signal to both processes as one, as timeout(1) sends it", async () => {
    const { code, stdout, stderr } = await llama(
      LONG,
      atFirstText((pid, child) => {
        process.kill(pid, "SIGTERM");
        child.kill("SIGTERM");
      }),
    );
    assert.equal(code, 143, stderr);
    assert.match(stdout, /\n$/);
    assert.match(stderr, /stop: abort/);
  });

  test("is not used for help, for the cache command, and if it is turned off", async () => {
    for (const args of [
      ["--help"],
      ["cache", "list"],
      ["generate", "--no-supervisor", ...LONG.slice(1, 3), "--max_gen_len", "2"],
    ]) {
      let hadChild = false;
      const run = await llama(args, {
        onStart: (child) =>
          until(() => {
            hadChild ||= worker(child.pid!) !== null;
            return child.exitCode !== null;
          }).catch(() => {}),
      });
      assert.deepEqual([run.code, hadChild], [0, false], args.join(" "));
    }
  });
});

test("the message about a killed process names the cause, the phase and the memory", () => {
  const watched = {
    phase: "generating",
    estimate: 13.1e9,
    peak: 12.34e9,
    wasOutOfMemory: true,
    addressSpace: Infinity,
  };
  const { text, code } = deathReport("SIGKILL", watched);
  assert.equal(code, 4);
  assert.match(
    text,
    /: out of memory while generating; peak memory 12\.3 GB, estimated need 13\.1 GB, (?:the machine|its container) has [\d.]+ GB\. Use a smaller --dtype/,
  );
  const unknown = deathReport("SIGKILL", {
    phase: "starting",
    estimate: null,
    peak: null,
    wasOutOfMemory: false,
    addressSpace: Infinity,
  });
  assert.equal(unknown.code, 137);
  assert.equal(
    unknown.text,
    "llama-ts: the process was killed (SIGKILL) while starting. The kernel reports no out-of-memory kill: another process or a container limit sent the signal.\n",
  );
});
