import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ownMark } from "../../src/engine/machine/process-mark.js";
import { llama, type Run, run, temporaryFolder } from "./cli-process.js";

test("only one run writes an output file; a second one waits a few seconds, then names the writer", async () => {
  const folder = temporaryFolder();
  const [many, one, output] = ["many.jsonl", "one.jsonl", "locked.jsonl"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(many, '{"prompt": "Once"}\n'.repeat(400));
  writeFileSync(one, '{"prompt": "a"}\n');
  const lock = `${output}.lock`;
  const options = ["batch", many, "-o", output, "--temperature", "0", "--max_gen_len", "200"];
  let second: Promise<Run> | null = null;
  const onStart = (child: ChildProcess) => {
    const timer = setInterval(async () => {
      if (!existsSync(output) || statSync(output).size === 0) return;
      clearInterval(timer);
      second = llama([...options, "--resume"]);
      await second;
      child.kill("SIGINT");
    }, 5);
  };
  assert.equal((await llama(options, { onStart })).code, 130);
  const { code, stderr } = await second!;
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^llama-ts: \S+locked\.jsonl: is being written by process \d+\. Wait for it .*locked\.jsonl\.lock\n$/,
  );
  assert.equal(existsSync(lock), false);
  // Locks of a run that was killed and of one on another machine.
  const short = ["batch", one, "-o", output, "--overwrite", "--max_gen_len", "4", "--quiet"];
  writeFileSync(lock, `${2 ** 22 + 1} ${hostname()}\n`);
  assert.equal((await llama(short)).code, 0);
  writeFileSync(lock, "");
  assert.match((await llama(short)).stderr, /is being written by another process\./);
  writeFileSync(lock, "1 elsewhere\n");
  assert.match((await llama(short)).stderr, /by process 1 on elsewhere/);
  assert.equal(existsSync(lock), true);
});

const DEAD = 2 ** 22 + 1;
const MODULE = new URL("../../src/cli/json-lines/output-lock.js", import.meta.url).href;
/** Takes the lock of a file and holds it. With "slow", the removal or renaming of a file waits before and after. */
const WRITER = `
  import fs from "node:fs";
  import { syncBuiltinESMExports } from "node:module";
  const wait = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
  const [, output, pace] = process.argv;
  if (pace === "slow") {
    for (const name of ["rmSync", "renameSync", "unlinkSync"]) {
      const original = fs[name];
      fs[name] = (...args) => { wait(); original(...args); wait(); };
    }
    syncBuiltinESMExports();
  }
  const { OutputLock } = await import(${JSON.stringify(MODULE)});
  await OutputLock.acquire(output).then(() => console.log("holds"), (error) => console.log(error.message));
  setTimeout(() => {}, 8000);
`;

test("of two runs that take over the lock of a killed one, only one gets it, however slow the other is", async () => {
  const folder = temporaryFolder();
  const output = join(folder, "out.jsonl");
  const dead = { ...ownMark(), pid: DEAD };
  for (const [content, delay] of [
    [`${dead.pid} ${dead.host} ${dead.started} ${dead.space}\n`, 300],
    [`${dead.pid} ${dead.host}\n`, 900],
  ] as const) {
    writeFileSync(`${output}.lock`, content);
    const writer = (pace: string) => run(process.execPath, ["--input-type=module", "-e", WRITER, output, pace]);
    const slow = writer("slow");
    await sleep(delay);
    const results = await Promise.all([slow, writer("quick")]);
    const said = results.map(({ stdout }) => stdout.trim());
    assert.equal(said.filter((line) => line === "holds").length, 1, said.join(" | "));
    assert.equal(said.filter((line) => line.includes("is being written by process")).length, 1, said.join(" | "));
    assert.deepEqual(readdirSync(folder), ["out.jsonl.lock"]);
  }
});

test("a lock of another container is taken over only after its writer has stopped renewing it", async () => {
  const folder = temporaryFolder();
  const [input, output] = [join(folder, "in.jsonl"), join(folder, "out.jsonl")];
  const lock = `${output}.lock`;
  writeFileSync(input, '{"prompt": "a"}\n');
  const args = ["batch", input, "-o", output, "--overwrite", "--max_gen_len", "4", "--quiet"];
  const { pid, host, started, space } = { ...ownMark(), pid: DEAD, space: "0".repeat(12) };
  writeFileSync(lock, `${pid} ${host} ${started} ${space}\n`);
  const refused = await llama(args);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, new RegExp(`is being written by process ${DEAD} of another container\\. Wait`));
  utimesSync(lock, new Date(), Date.now() / 1000 - 900);
  assert.equal((await llama(args)).code, 0);
});
