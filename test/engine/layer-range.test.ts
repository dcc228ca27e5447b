import assert from "node:assert/strict";
import { test } from "node:test";
import { Rank } from "../../src/engine/rank/rank.js";
import { allocateCollective } from "../../src/engine/shared/collective.js";
import { allocateHeartbeats, Heartbeat } from "../../src/engine/shared/heartbeat.js";
import type { RankSetup } from "../../src/engine/shared/messages.js";
import { loadFloatStages } from "../../src/engine/stages/float-stages.js";
import { openStages } from "../../src/engine/stages/quantized-stages.js";
import type { Range } from "../../src/formats/tensor/range.js";
import { planStep } from "../../src/model/architecture/step-plan.js";
import { openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { partition } from "../../src/model/split/partition.js";
import { demo } from "../folders.js";
import { maxDifference } from "../max-difference.js";

const VOCAB = 2048;
const ids = [1, 416, 425, 261, 394, 1997, 398, 284, 261, 387, 463, 410];
const checkpoint = openCheckpoint(demo, VOCAB);
const { config } = checkpoint;

/** A single rank in this thread that holds a range of layers. */
async function rankOf(layers: Range, dtype: "fp32" | "int8"): Promise<{ rank: Rank; logits: Float32Array }> {
  const setup: RankSetup = {
    ...{
      rank: 0,
      worldSize: 1,
      checkpoint,
      dtype,
      kvType: dtype,
      threads: 1,
      cores: null,
      spinMs: 0,
      maxSeqLen: 64,
      fault: null,
    },
    share: partition(config, 1, layers)[0]!,
    plan: planStep(config, layers, 1),
    weights: { kind: "memory" },
    collective: allocateCollective(1, 256 * config.dim),
    heartbeats: allocateHeartbeats(1),
    logits: new SharedArrayBuffer(VOCAB * 4),
  };
  const stages = await (dtype === "fp32" ? loadFloatStages(setup, () => {}) : openStages(setup, null, () => {}));
  const rank = await Rank.create(setup, stages, new Heartbeat(setup.heartbeats, 0, null));
  return { rank, logits: new Float32Array(setup.logits) };
}

for (const dtype of ["fp32", "int8"] as const) {
  test(`ranges of layers that pass h on compute the logits of the whole model in ${dtype}`, async () => {
    const middle = config.nLayers >> 1;
    const ranges = [
      { start: 0, end: middle },
      { start: middle, end: middle + 1 },
      { start: middle + 1, end: config.nLayers },
    ];
    const whole = await rankOf({ start: 0, end: config.nLayers }, dtype);
    const parts = await Promise.all(ranges.map((layers) => rankOf(layers, dtype)));
    try {
      // A prompt in one step, then a token: the second step uses every range's KV cache.
      for (const [position, tokens] of [[0, ids.slice(0, -1)] as const, [ids.length - 1, ids.slice(-1)] as const]) {
        const spans = [{ sequence: 0, position, count: tokens.length }];
        const rows = Int32Array.of(tokens.length - 1);
        await whole.rank.step(Int32Array.from(tokens), spans, rows);
        let h: Int32Array | Float32Array = Int32Array.from(tokens);
        for (const { rank } of parts) h = await rank.step(h, spans, rows);
        assert.equal(h.length, tokens.length * config.dim);
        assert.ok(whole.logits.some((value) => value !== 0));
        assert.equal(maxDifference(parts.at(-1)!.logits, whole.logits), 0);
      }
      const saved = parts.flatMap(({ rank }, i) => {
        const { start, end } = ranges[i]!;
        return Array.from({ length: end - start }, (_, at) => rank.caches.of(0).save(start + at, ids.length));
      });
      const wanted = Array.from({ length: config.nLayers }, (_, layer) =>
        whole.rank.caches.of(0).save(layer, ids.length),
      );
      assert.deepEqual(saved, wanted);
    } finally {
      for (const { rank } of [whole, ...parts]) await rank.close();
    }
  });
}
