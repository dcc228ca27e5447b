import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { llama, type Run, temporaryFolder } from "./cli-process.js";

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
