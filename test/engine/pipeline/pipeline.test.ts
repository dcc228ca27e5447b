/** Stages that hold ranges of a model's layers give what one engine gives. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Engine, type SequenceTokens } from "../../../src/engine/engine.js";
import type { ModelEngine } from "../../../src/engine/host/model-engine.js";
import { openCheckpoint } from "../../../src/model/checkpoint/checkpoint.js";
import { demo } from "../../folders.js";
import { cut, LocalRing } from "./local-ring.js";

const checkpoint = openCheckpoint(demo, 2048);
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
