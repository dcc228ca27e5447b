import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { windowMask } from "../../src/engine/attention/window-mask.js";
import { Engine, type SequenceTokens } from "../../src/engine/engine.js";
import { cutSteps } from "../../src/engine/host/cut-steps.js";
import { KvColumns } from "../../src/engine/rank/kv-columns.js";
import { LlamaError } from "../../src/index.js";
import { openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { presetCheckpoint } from "../../src/model/sizes/presets.js";
import { partition } from "../../src/model/split/partition.js";
import { demo } from "../folders.js";
import { maxDifference } from "../max-difference.js";

const VOCAB = 2048;
const ids = [1, 416, 425, 261, 394, 1997, 398, 284, 261, 387, 463, 410];

test("a window leaves each query its own last keys", () => {
  const shown = (queries: number, keys: number, window: number) => {
    const mask = windowMask(queries, keys, window);
    return Array.from({ length: queries }, (_, query) =>
      Array.from(mask.subarray(query * keys, (query + 1) * keys), (value) => (value === 0 ? "1" : ".")).join(""),
    );
  };
  assert.deepEqual(shown(3, 5, 3), ["111..", ".111.", "..111"]);
  assert.deepEqual(shown(4, 4, 2), ["1...", "11..", ".11.", "..11"]);
  assert.deepEqual(shown(2, 3, 1), [".1.", "..1"]);
  assert.deepEqual(shown(1, 2, 9), ["11"]);
});

test("the columns of any number of ranks join to the same rows, also if ranks share a head", () => {
  const { config } = presetCheckpoint("3-8B", 1);
  const rowBytes = config.nKvHeads * (config.headDim + 4);
  const rows = Uint8Array.from({ length: 2 * 3 * rowBytes }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24);
  for (const ranks of [1, 2, 3, 8, 12, 32]) {
    const columns = new KvColumns(config, partition(config, ranks), "int8");
    assert.equal(columns.rowBytes, rowBytes);
    const parts = Array.from({ length: ranks }, (_, rank) => columns.partOf(rank, rows));
    assert.deepEqual(columns.join(parts), rows, `${ranks} ranks`);
  }
});

test("steps are limited in tokens and in rows of logits, and no token is lost", () => {
  const batch: SequenceTokens[] = [
    { sequence: 4, position: 10, tokens: Array.from({ length: 700 }, (_, i) => i), logits: "last" },
    { sequence: 5, position: 0, tokens: Array.from({ length: 90 }, (_, i) => i), logits: "all" },
    { sequence: 6, position: 3, tokens: [9], logits: "none" },
  ];
  const steps = [...cutSteps(batch, 256, 40)];
  const seen = steps.flatMap(({ spans }) =>
    spans.flatMap(({ sequence, position, count }) =>
      Array.from({ length: count }, (_, i) => `${sequence}@${position + i}`),
    ),
  );
  const wanted = batch.flatMap(({ sequence, position, tokens }) =>
    Array.from(tokens, (_, i) => `${sequence}@${position + i}`),
  );
  assert.deepEqual(seen, wanted);
  assert.ok(steps.every(({ tokens, logitRows }) => tokens.length <= 256 && logitRows.length <= 40));
  const targets = steps.flatMap((step) => step.targets);
  assert.deepEqual(targets[0], { item: 0, row: 0 });
  assert.deepEqual(
    targets.slice(1),
    Array.from({ length: 90 }, (_, row) => ({ item: 1, row })),
  );
});

for (const worldSize of [1, 2]) {
  test(`an engine with ${worldSize} ranks`, async (t) => {
    let engine: Engine;
    let whole: Float32Array;
    before(async () => {
      engine = await Engine.start(openCheckpoint(demo, VOCAB), { worldSize, dtype: "fp32", maxSeqLen: 2048 });
      const sequence = engine.newSequence();
      [whole] = (await engine.forward([{ sequence, position: 0, tokens: ids, logits: "last" }])) as [Float32Array];
    });
    after(() => engine.close());

    await t.test("logits are the same token by token, in chunks and after a rewrite", async () => {
      const sequence = engine.newSequence();
      let last: Float32Array | undefined;
      for (const [position, id] of ids.entries()) {
        [last] = await engine.forward([{ sequence, position, tokens: [id], logits: "last" }]);
      }
      assert.ok(maxDifference(last!, whole) < 1e-4);
      // Replace positions 4 and 5 by other tokens, then by the right ones again.
      await engine.forward([{ sequence, position: 4, tokens: [7, 8], logits: "none" }]);
      [last] = await engine.forward([{ sequence, position: 4, tokens: ids.slice(4), logits: "last" }]);
      assert.ok(maxDifference(last!, whole) < 1e-4);
    });

    await t.test("sequences of one batch do not affect each other", async () => {
      const others = [[1, 5, 6], [1, 900, 901, 902, 903], [1]].map(
        (tokens): SequenceTokens => ({ sequence: engine.newSequence(), position: 0, tokens, logits: "last" }),
      );
      const own: SequenceTokens = { sequence: engine.newSequence(), position: 0, tokens: ids, logits: "all" };
      const results = await engine.forward([others[0]!, own, others[1]!, others[2]!]);
      assert.equal(results[1]!.length, ids.length * VOCAB);
      assert.ok(maxDifference(results[1]!.subarray((ids.length - 1) * VOCAB), whole) < 1e-4);
      const [alone] = await engine.forward([{ ...others[1]!, sequence: engine.newSequence() }]);
      assert.ok(maxDifference(results[2]!, alone!) < 1e-4);
    });

    await t.test("a prompt longer than a step gives the same logits as the same prompt in pieces", async () => {
      const tokens = Array.from({ length: 700 }, (_, i) => (i === 0 ? 1 : 259 + ((i * 37) % 1700)));
      const [once] = await engine.forward([{ sequence: engine.newSequence(), position: 0, tokens, logits: "last" }]);
      const sequence = engine.newSequence();
      const seen: number[] = [];
      const first = { sequence, position: 0, tokens: tokens.slice(0, 333), logits: "none" } as const;
      await engine.forward([first], undefined, (done) => seen.push(done));
      assert.deepEqual(seen, [256, 333]);
      const [pieces] = await engine.forward([{ sequence, position: 333, tokens: tokens.slice(333), logits: "last" }]);
      assert.ok(maxDifference(once!, pieces!) < 1e-4);
    });

    await t.test("an abort leaves the engine usable", async () => {
      const tokens = Array.from({ length: 1500 }, (_, i) => (i === 0 ? 1 : 300 + (i % 900)));
      const controller = new AbortController();
      setTimeout(() => controller.abort(new Error("enough")), 20);
      const long = engine.forward([{ sequence: 99, position: 0, tokens, logits: "last" }], controller.signal);
      await assert.rejects(long, /enough/);
      const [again] = await engine.forward([{ sequence: 100, position: 0, tokens: ids, logits: "last" }]);
      assert.ok(maxDifference(again!, whole) < 1e-4);
    });

    await t.test("a rank's failure is thrown to the caller", async () => {
      const broken = await Engine.start(openCheckpoint(demo, VOCAB), { worldSize, dtype: "fp32", maxSeqLen: 64 });
      const call = () => broken.forward([{ sequence: 0, position: 0, tokens: [1 << 20], logits: "last" }]);
      await assert.rejects(call(), /rank \d failed/);
      await assert.rejects(call());
      await broken.close();
    });
  });
}

test("close() rejects running and waiting calls; a later call is rejected and does not hang", async () => {
  const engine = await Engine.start(openCheckpoint(demo, VOCAB), { worldSize: 2, dtype: "fp32", maxSeqLen: 2048 });
  const tokens = Array.from({ length: 1500 }, (_, i) => (i === 0 ? 1 : 300 + (i % 900)));
  const call = (sequence: number) => engine.forward([{ sequence, position: 0, tokens, logits: "last" }]);
  const refused = [call(0), call(1)].map((result) => assert.rejects(result, /the model is closed/));
  await new Promise((resolve) => setTimeout(resolve, 20));
  await engine.close();
  await Promise.all(refused);
  await assert.rejects(call(2), /the model is closed/);
  await engine.close();
});

test("more ranks than heads are refused", async () => {
  const start = Engine.start(openCheckpoint(demo, VOCAB), { worldSize: 9, dtype: "fp32", maxSeqLen: 64 });
  await assert.rejects(start, (error) => error instanceof LlamaError && error.kind === "usage");
});
