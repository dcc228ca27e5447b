/** Stages that hold ranges of a model's layers give what one engine gives. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Engine, type SequenceTokens } from "../../../src/engine/engine.js";
import type { ModelEngine } from "../../../src/engine/host/model-engine.js";
import { StageLost } from "../../../src/engine/pipeline/stage-link.js";
import { openCheckpoint } from "../../../src/model/checkpoint/checkpoint.js";
import { modelBytesPerToken } from "../../../src/model/sizes/bytes-per-token.js";
import { partition } from "../../../src/model/split/partition.js";
import { demo } from "../../folders.js";
import { cut, LocalRing } from "./local-ring.js";

const checkpoint = openCheckpoint(demo, 2048);
const { config } = checkpoint;
const ids = (length: number, seed: number) =>
  Array.from({ length }, (_, i) => (i === 0 ? 1 : 260 + ((i * 37 + seed * 101) % 1700)));

/** Prompts in one batch, a fork, a rewritten position, a long prompt, and what is left after a release. */
async function use(engine: ModelEngine): Promise<Float32Array[]> {
  const all: Float32Array[] = [];
  const run = async (...batch: SequenceTokens[]) => all.push(...(await engine.forward(batch)));
  const [a, b] = [engine.newSequence(), engine.newSequence()];
  await run(
    { sequence: a, position: 0, tokens: ids(30, 1), logits: "last" },
    { sequence: b, position: 0, tokens: ids(9, 2), logits: "all" },
  );
  await run(
    { sequence: a, position: 30, tokens: [300], logits: "last" },
    { sequence: b, position: 9, tokens: [301], logits: "last" },
  );
  const c = engine.fork(a, 20);
  await run({ sequence: c, position: 20, tokens: [400, 401], logits: "all" });
  await run({ sequence: a, position: 29, tokens: [7, 8, 9], logits: "all" });
  engine.trim(a, 10);
  engine.release(b);
  await run({ sequence: a, position: 10, tokens: ids(480, 3), logits: "last" });
  const d = engine.newSequence();
  await run({ sequence: d, position: 0, tokens: ids(5, 4), logits: "last" });
  for (const sequence of [a, c, d]) engine.release(sequence);
  return all;
}

/** All that an async iterator yields. */
async function list<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

for (const dtype of ["fp32", "int8", "int4"] as const) {
  describe(`stages in ${dtype}`, () => {
    let whole: Engine;
    let wanted: Float32Array[];
    before(async () => {
      whole = await Engine.start(checkpoint, { worldSize: 1, dtype, maxSeqLen: 512, threadsPerRank: 1 });
      wanted = await use(whole);
    });
    after(() => whole.close());

    for (const ranges of [cut(5, 2), cut(5, 1, 4), cut(5, 1, 2, 3, 4)]) {
      test(`${ranges.length} of them give the bits of one engine`, async () => {
        const ring = await LocalRing.start(checkpoint, ranges, { dtype, maxMessage: 80_000 });
        try {
          assert.deepEqual(await use(ring.pipeline), wanted);
          assert.deepEqual([ring.refused, ring.failures], [[], []]);
        } finally {
          await ring.close();
        }
      });
    }
  });
}

describe("stages that meet trouble", () => {
  let whole: Engine;
  before(async () => {
    whole = await Engine.start(checkpoint, { worldSize: 1, dtype: "fp32", maxSeqLen: 512, threadsPerRank: 1 });
  });
  after(() => whole.close());
  const prompt = (engine: ModelEngine, sequence = engine.newSequence()): SequenceTokens => ({
    ...{ sequence, position: 0, tokens: ids(40, 1), logits: "last" },
  });

  test("keys and values are saved from the stages that hold them, and restored to them", async () => {
    const ring = await LocalRing.start(checkpoint, cut(5, 1, 3), { maxMessage: 80_000 });
    const { pipeline } = ring;
    const [own, other] = [prompt(whole), prompt(pipeline)];
    await Promise.all([whole.forward([own]), pipeline.forward([other])]);
    const saved = await list(pipeline.save(other.sequence, 40));
    assert.deepEqual(saved, await list(whole.save(own.sequence, 40)));
    const sequence = pipeline.newSequence();
    assert.equal(pipeline.holds(sequence), false);
    for (const [layer, rows] of saved.entries()) await pipeline.restore(sequence, layer, rows);
    const next = (of: number): SequenceTokens[] => [{ sequence: of, position: 40, tokens: [77], logits: "last" }];
    assert.deepEqual(await pipeline.forward(next(sequence)), await whole.forward(next(own.sequence)));
    assert.deepEqual([ring.refused, pipeline.holds(sequence)], [[], true]);
    await ring.close();
  });

  test("messages of others are dropped at every stage, and change nothing", async () => {
    const ring = await LocalRing.start(checkpoint, cut(5, 1, 3));
    const wanted = await whole.forward([prompt(whole)]);
    const running = ring.pipeline.forward([prompt(ring.pipeline)]);
    for (const link of ring.links) {
      link.deliver(new Uint8Array(100));
      const head = { v: 1, e: 1, k: 0, part: [0, 1], kind: "step", spans: [[5, 3, 1]], actions: [] };
      const text = Buffer.from(JSON.stringify(head));
      link.deliver(Buffer.concat([Uint8Array.of(text.length, 0, 0, 0), text, new Uint8Array(4)]));
    }
    assert.deepEqual(await running, wanted);
    assert.equal(ring.refused.length, 6);
    await ring.close();
  });

  test("an abort stops the steps that have not begun, and the stages remain usable", async () => {
    const ring = await LocalRing.start(checkpoint, cut(5, 1, 3), { delayMs: 2, maxSeqLen: 2048 });
    const control = new AbortController();
    const long = { sequence: ring.pipeline.newSequence(), position: 0, tokens: ids(2000, 1), logits: "last" } as const;
    const running = ring.pipeline.forward([long], control.signal, () => control.abort(new Error("enough")));
    await assert.rejects(running, /enough/);
    assert.ok(ring.hosts[0]!.times.steps <= 5, `${ring.hosts[0]!.times.steps} of 8 steps`);
    assert.deepEqual(await ring.pipeline.forward([prompt(ring.pipeline)]), await whole.forward([prompt(whole)]));
    await ring.close();
  });

  test("what a stage's engine fails with reaches node 0: what the user can act on as it is, all else as a lost stage", async () => {
    const expected = await LocalRing.start(checkpoint, cut(5, 1, 3));
    await expected.engines[1]!.close();
    const message = /layers 1 to 2: the model is closed$/;
    await assert.rejects(expected.pipeline.forward([prompt(expected.pipeline)]), message);
    await assert.rejects(expected.pipeline.recover(), message);
    await expected.close();

    process.env.TEST_LLAMA_TS_FAULT = "0:prefill::throw";
    const broken = await LocalRing.start(checkpoint, cut(5, 1, 3)).finally(
      () => delete process.env.TEST_LLAMA_TS_FAULT,
    );
    await assert.rejects(
      broken.pipeline.forward([prompt(broken.pipeline)]),
      (error) =>
        error instanceof StageLost && /layers 0 to 0: rank 0 failed in prefill.*on purpose/.test(error.message),
    );
    assert.equal(broken.failures.length, 1);
    await broken.close();
  });

  test("each stage reads its own layers and no other, and has the KV cache of these", async () => {
    for (const dtype of ["fp32", "int8"] as const) {
      const one = await Engine.start(checkpoint, { worldSize: 1, dtype, maxSeqLen: 64, threadsPerRank: 1 });
      const ring = await LocalRing.start(checkpoint, cut(5, 2), { dtype });
      const read = (engine: Engine) => engine.load.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
      const [first, last] = ring.engines.map(read) as [number, number];
      assert.equal(first + last, read(one));
      // The head is as large as several of the demo's layers.
      const layers = (end: number, start = 0) =>
        modelBytesPerToken(config, partition(config, 1, { start, end }), "fp32");
      const share = layers(2).weights / layers(5).weights;
      assert.ok(Math.abs(first / read(one) / share - 1) < 0.01, `${first / read(one)} and ${share}`);
      assert.equal(ring.engines[0]!.positionBytes + ring.engines[1]!.positionBytes, one.positionBytes);
      await Promise.all([one.close(), ring.close()]);
    }
  });

  test("a message that is lost without anybody noticing ends the epoch in time, and the next one works", async () => {
    const ring = await LocalRing.start(checkpoint, cut(5, 1, 3), { timeoutMs: 400 });
    ring.links[0]!.close();
    // A link over a network keeps the process alive meanwhile.
    const alive = setInterval(() => {}, 1000);
    await assert.rejects(
      ring.pipeline.forward([prompt(ring.pipeline)]),
      (error) => error instanceof StageLost && /no stage made progress for 0 s/.test(error.message),
    );
    clearInterval(alive);
    await ring.pipeline.recover();
    assert.deepEqual(await ring.pipeline.forward([prompt(ring.pipeline)]), await whole.forward([prompt(whole)]));
    await ring.close();
  });

  test("close() rejects what is on its way; a link that is too narrow is refused", async () => {
    const ring = await LocalRing.start(checkpoint, cut(5, 1, 3), { delayMs: 5 });
    const running = ring.pipeline.forward([prompt(ring.pipeline)]);
    const refused = assert.rejects(running, /the model is closed/);
    await ring.close();
    await refused;
    await assert.rejects(ring.pipeline.forward([prompt(ring.pipeline)]), /the model is closed/);
    await assert.rejects(LocalRing.start(checkpoint, cut(5, 2), { maxMessage: 4096 }), /messages are too small/);
  });
});
