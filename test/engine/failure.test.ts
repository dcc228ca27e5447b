import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readdirSync, rmSync, truncateSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Engine } from "../../src/engine/engine.js";
import { hasAbandonedRanks } from "../../src/engine/host/abandoned-ranks.js";
import type { EngineOptions } from "../../src/engine/host/engine-options.js";
import { failurePlace, LlamaError } from "../../src/error.js";
import { openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { demo } from "../folders.js";

const VOCAB = 2048;
const TOKENS = Array.from({ length: 40 }, (_, i) => 300 + i);
const FAULT = "TEST_LLAMA_TS_FAULT";
const isLinux = process.platform === "linux";

afterEach(() => {
  delete process.env[FAULT];
});

function start(options: Partial<EngineOptions> = {}, dir = demo): Promise<Engine> {
  return Engine.start(openCheckpoint(dir, VOCAB), { worldSize: 2, dtype: "fp32", maxSeqLen: 64, ...options });
}

/** Runs a prompt and one token after it. */
async function work(engine: Engine): Promise<void> {
  const sequence = engine.newSequence();
  await engine.forward([{ sequence, position: 0, tokens: TOKENS, logits: "last" }]);
  await engine.forward([{ sequence, position: TOKENS.length, tokens: [5], logits: "last" }]);
}

/** Loads and runs with a fault; returns the error and the milliseconds until everything was released. */
async function failing(fault: string, options: Partial<EngineOptions> = {}): Promise<{ error: unknown; took: number }> {
  process.env[FAULT] = fault;
  const begin = performance.now();
  let engine: Engine | null = null;
  try {
    engine = await start(options);
    await work(engine);
  } catch (error) {
    await engine?.close();
    delete process.env[FAULT];
    return { error, took: performance.now() - begin };
  }
  throw new Error("nothing failed");
}

function threads(): number {
  return isLinux ? readdirSync("/proc/self/task").length : 0;
}

for (const worldSize of [2, 4]) {
  test(`one of ${worldSize} ranks that throws stops the group in every phase, and the error names the place`, async () => {
    await (await start({ worldSize })).close();
    const before = threads();
    const faults = { "1:load::throw": null, "1:prefill:3:throw": 3, "0:decode:2:throw": 2, "1:collective:4:throw": 4 };
    for (const [fault, layer] of Object.entries(faults)) {
      const { error, took } = await failing(fault, { worldSize });
      const [rank, phase] = fault.split(":");
      assert.deepEqual(failurePlace(error), { rank: Number(rank), worldSize, phase, layer }, fault);
      assert.match(String(error), new RegExp(`rank ${rank} failed in ${phase}.*: a failure made on purpose`));
      assert.ok(took < 3000, `${fault}: ${took} ms`);
    }
    assert.ok(threads() <= before, `${threads()} threads, ${before} before`);
    const engine = await start({ worldSize });
    await work(engine);
    await engine.close();
  });
}

test("a single rank fails in the same way", async () => {
  const { error } = await failing("0:decode:1:throw", { worldSize: 1 });
  assert.deepEqual(failurePlace(error), { rank: 0, worldSize: 1, phase: "decode", layer: 1 });
});

test("a failed allocation is an error of kind memory", async () => {
  for (const phase of ["load", "prefill", "decode"]) {
    const { error } = await failing(`1:${phase}::memory`);
    assert.ok(error instanceof LlamaError && error.kind === "memory", String(error));
    assert.equal(error.place?.phase, phase);
  }
});

test("a thread that ends unexpectedly is reported with its place", async () => {
  const { error } = await failing("1:collective:1:exit");
  assert.match(String(error), /rank 1 failed in collective, layer 1: its thread ended unexpectedly with code 7/);
});

test("a rank that makes no progress fails after the timeout, and the error names it", async () => {
  for (const [fault, phase] of [
    ["1:load::hang", "load"],
    ["0:decode:2:hang", "decode"],
  ] as const) {
    const { error, took } = await failing(fault, { rankTimeoutMs: 1500 });
    const place = failurePlace(error);
    assert.ok(error instanceof LlamaError && error.kind === "runtime");
    assert.match(error.message, new RegExp(`rank ${fault[0]} made no progress`));
    assert.deepEqual([place?.rank, place?.phase, place?.isStuck], [Number(fault[0]), phase, true]);
    assert.ok(took < 4000, `${fault}: ${took} ms`);
  }
  const engine = await start();
  await work(engine);
  await engine.close();
});

test("an aborted start ends within seconds, even if a rank does not respond", async () => {
  process.env[FAULT] = "1:load::hang";
  const controller = new AbortController();
  const reason = new Error("enough");
  let aborted = 0;
  setTimeout(() => {
    aborted = performance.now();
    controller.abort(reason);
  }, 500);
  await assert.rejects(start({ signal: controller.signal }), (error) => error === reason);
  const took = performance.now() - aborted;
  assert.ok(took < 6000, `${took} ms`);
  assert.ok(hasAbandonedRanks());
});

test("ranks that wait for the host do not count as stuck", async () => {
  const engine = await start({ rankTimeoutMs: 1000 });
  await work(engine);
  await sleep(1300);
  await work(engine);
  await engine.close();
});

test("a shard truncated or deleted after its header was read is an error before ranks start; no file stays open", async () => {
  const dir = mkdtempSync(join(tmpdir(), "llama-ts-shard-"));
  const file = join(dir, "consolidated.00.pth");
  const open = () => (isLinux ? readdirSync("/proc/self/fd").length : 0);
  const before = open();
  for (const [spoil, message] of [
    [() => truncateSync(file, 3_000_000), /consolidated\.00\.pth: was changed while it was read/],
    [() => unlinkSync(file), /consolidated\.00\.pth: was removed while it was read/],
  ] as const) {
    for (const name of ["params.json", "consolidated.00.pth"]) copyFileSync(join(demo, name), join(dir, name));
    const checkpoint = openCheckpoint(dir, VOCAB);
    spoil();
    const begin = performance.now();
    const refused = Engine.start(checkpoint, { worldSize: 2, dtype: "fp32", maxSeqLen: 64 });
    await assert.rejects(refused, (error) => {
      assert.ok(error instanceof LlamaError && error.kind === "model", String(error));
      assert.match(error.message, message);
      assert.equal(error.place, undefined);
      return true;
    });
    assert.ok(performance.now() - begin < 2000);
  }
  rmSync(dir, { recursive: true });
  assert.ok(open() <= before, `${open()} files open, ${before} before`);
});

test("faults can be injected only under the test runner", async () => {
  const context = process.env.NODE_TEST_CONTEXT;
  delete process.env.NODE_TEST_CONTEXT;
  try {
    process.env[FAULT] = "0:load::throw";
    await assert.rejects(start(), /TEST_LLAMA_TS_FAULT: is reserved for the tests of llama-ts/);
  } finally {
    process.env.NODE_TEST_CONTEXT = context;
  }
});
