import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Engine } from "../../src/engine/engine.js";
import { allocateCollective } from "../../src/engine/shared/collective.js";
import type { RankSetup } from "../../src/engine/shared/messages.js";
import { openStages } from "../../src/engine/stages/quantized-stages.js";
import { planStep } from "../../src/model/architecture/step-plan.js";
import { randomCheckpoint } from "../../src/model/sizes/presets.js";
import { partition } from "../../src/model/split/partition.js";

const FAULT = "TEST_LLAMA_TS_FAULT";
// The smallest shape whose matrices are large enough for the cache.
const SHAPE = new Map(Object.entries({ dim: 1088, n_layers: 1, n_heads: 17, vocab_size: 1024 }));
const checkpoint = randomCheckpoint("small", SHAPE);

/** A folder for the weight cache, and the options of a start that writes it. */
function cached(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), "llama-ts-cached-"));
  t.after(() => rmSync(root, { recursive: true }));
  return { root, options: { worldSize: 1, dtype: "int8", maxSeqLen: 32, cacheRoot: root } as const };
}

test("a start that fails before or in its ranks leaves no folder", async (t) => {
  const { root, options } = cached(t);
  const fail = () => {
    throw new Error("from onPlan");
  };
  await assert.rejects(Engine.start(checkpoint, { ...options, onPlan: fail }), /from onPlan/);
  // More cores than any machine has; where cores cannot be bound, that is the error.
  const bound = { ...options, worldSize: 17, threadsPerRank: 1000, cpuBind: "spread" } as const;
  await assert.rejects(Engine.start(checkpoint, bound), /cpu_bind spread/);
  for (const [fault, message] of [
    ["not a fault", /TEST_LLAMA_TS_FAULT/],
    ["0:load::throw", /a failure made on purpose/],
  ] as const) {
    process.env[FAULT] = fault;
    await assert.rejects(Engine.start(checkpoint, options), message).finally(() => delete process.env[FAULT]);
  }
  assert.deepEqual(readdirSync(root), []);
});

test("a rank that opens the weight cache reports progress at each stage, so a slow disk is not a stall", async (t) => {
  const { options } = cached(t);
  const engine = await Engine.start(checkpoint, options);
  await engine.close();
  const { config } = checkpoint;
  const [share] = partition(config, 1);
  const plan = planStep(config, share!.layers, 1);
  const setup = { checkpoint, share, plan, rank: 0, worldSize: 1, dtype: "int8", threads: 1 } as RankSetup;
  const reads: number[] = [];
  const { folder } = engine.weightCache;
  const stages = await openStages({ ...setup, collective: allocateCollective(1, 1) }, folder, (n) => reads.push(n));
  await stages.close();
  // qkv, wo ffn and the head; mapped stages read no bytes.
  assert.equal(reads.filter((bytes) => bytes === 0).length, 3);
});
