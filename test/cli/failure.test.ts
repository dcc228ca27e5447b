import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { BIN, llama, run, temporaryFolder } from "./cli-process.js";

const TWO = ["generate", "--prompt", "Once upon a time", "--max_gen_len", "4", "--nproc_per_node", "2", "--quiet"];
const BUG = "llama-ts: unexpected failure, please report it\n";

interface Expected {
  code: number;
  stderr: RegExp;
  /** The message in error.json; absent if the process was killed. */
  message?: RegExp;
  isDecoding?: true;
  /** A killed process may not have written the text of the first token yet. */
  isCut?: true;
}

const CASES: Record<string, Expected> = {
  "1:load::throw": {
    code: 1,
    stderr: new RegExp(`^${BUG}rank 1 failed in load: .*First failure: rank 1 of 2 in load\\.\n$`, "s"),
    message: /^rank 1 failed in load: a failure made on purpose$/,
  },
  "0:prefill:3:throw": {
    code: 1,
    stderr: new RegExp(
      `^${BUG}rank 0 failed in prefill, layer 3: .*First failure: rank 0 of 2 in prefill, layer 3\\.\n$`,
      "s",
    ),
    message: /^rank 0 failed in prefill, layer 3/,
  },
  "1:decode:0:memory": {
    code: 4,
    stderr:
      /^llama-ts: not enough memory; found [^\n]+\. Use a smaller [^\n]+\nFirst failure: rank 1 of 2 in decode, layer 0\.\n$/,
    message: /^not enough memory/,
    isDecoding: true,
  },
  "1:collective:1:exit": {
    code: 1,
    stderr: /rank 1 failed in collective, layer 1: its thread ended unexpectedly with code 7/,
    message: /^rank 1 failed in collective, layer 1/,
  },
  "0:decode:4:hang": {
    code: 1,
    stderr:
      /^llama-ts: rank 0 made no progress for 2 s; the other ranks are waiting for it\. [^\n]+--rank_timeout[^\n]+\nFirst failure: rank 0 of 2 in decode, layer 4\.\n$/,
    message: /^rank 0 made no progress for 2 s/,
    isDecoding: true,
  },
  "1:decode:2:kill": {
    code: 137,
    stderr: /^llama-ts: the process was killed \(SIGKILL\) while generating[^\n]*\.\n$/,
    isCut: true,
  },
  "1:prefill:2:abort": { code: 134, stderr: /^llama-ts: the process crashed \(SIGABRT\) while generating[^\n]*\.\n$/ },
};

describe("a rank fails", { concurrency: 2, skip: process.platform === "win32" }, () => {
  for (const [fault, { code, stderr, message, isDecoding, isCut }] of Object.entries(CASES)) {
    test(fault, async () => {
      const dir = temporaryFolder();
      const start = performance.now();
      const env = { TEST_LLAMA_TS_FAULT: fault };
      const failed = await llama([...TWO, "--rank_timeout", "2", "--log_dir", dir], { env });
      assert.ok(performance.now() - start < 10_000);
      assert.equal(failed.code, code, failed.stderr);
      // The path of error.json is printed before the error.
      assert.match(failed.stderr.replace(/^Failure report: .*\n/, ""), stderr);
      assert.match(failed.stdout, isDecoding ? /^[^\n]+\n?$/ : isCut ? /^([^\n]+\n?)?$/ : /^$/);
      if (!message) return;
      const [name] = readdirSync(dir);
      const report = JSON.parse(readFileSync(join(dir, name!, "attempt_0", fault[0]!, "error.json"), "utf8"));
      assert.match(report.message.message, message);
      const { rank, world_size, phase, timestamp } = report.message.extraInfo;
      assert.deepEqual([rank, world_size, phase], [Number(fault[0]), 2, fault.split(":")[1]]);
      assert.ok(Math.abs(Number(timestamp) - Date.now() / 1000) < 60);
    });
  }

  test("the next run works", async () => {
    const { code, stderr } = await llama(TWO);
    assert.deepEqual([code, stderr], [0, ""]);
  });
});

test("ranks that exceed a memory limit are reported as out of memory", {
  skip: process.platform !== "linux" && "ulimit -v",
}, async () => {
  const bench = ["bench", "--preset", "7B", "--layers", "4", "--dtype", "fp32", "--no_cache", "--pp", "8", "--tg", "0"];
  const { code, stdout, stderr } = await run("sh", [
    "-c",
    // More than Node 26 reserves for itself and a rank, less than the weights.
    'ulimit -v 4500000; exec "$0" "$@"',
    process.execPath,
    BIN,
    ...bench,
  ]);
  assert.deepEqual([code, stdout], [4, ""], stderr);
  assert.match(
    stderr,
    /^llama-ts: not enough memory; found [^\n]*(allocation failed|out of memory)\. Use a smaller dtype/,
  );
});
