/** Products of int8 rows: exact kernels, the same weights on any number of ranks, logits near fp32 and the same in a batch, the weight cache. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Engine } from "../../src/engine/engine.js";
import type { RankSetup } from "../../src/engine/shared/messages.js";
import { needsPrecision } from "../../src/engine/stages/exact-products.js";
import { quantizeStage } from "../../src/engine/stages/read-weights.js";
import { stageGraphs } from "../../src/engine/stages/stages.js";
import { chunkMaths } from "../../src/engine/stages/weight-kernel.js";
import { weightPart } from "../../src/model/architecture/graph-builder.js";
import { layerOf, planStep } from "../../src/model/architecture/step-plan.js";
import { tensorName } from "../../src/model/architecture/tensor-table.js";
import { openWeights } from "../../src/model/checkpoint/weight-source.js";
import { presetCheckpoint, randomCheckpoint } from "../../src/model/sizes/presets.js";
import { allLayers, partition } from "../../src/model/split/partition.js";
import { tensorRegion } from "../../src/model/split/rank-region.js";
import { maxDifference } from "../max-difference.js";

const SHAPE = { dim: 1024, n_layers: 1, n_heads: 8, n_kv_heads: 4, vocab_size: 320, multiple_of: 1024 };
const checkpoint = randomCheckpoint("rows", new Map(Object.entries(SHAPE)));
const ids = Array.from({ length: 40 }, (_, i) => 3 + ((i * 37) % 300));
const root = mkdtempSync(join(tmpdir(), "llama-ts-rows-"));
after(() => rmSync(root, { recursive: true }));

/** The scale and the numbers of every row of w1 and w3, put together from all ranks. */
function rowsOf(worldSize: number): Map<string, { scale: number; parts: Map<number, string> }> {
  const { config } = checkpoint;
  const source = openWeights(checkpoint);
  const rows = new Map<string, { scale: number; parts: Map<number, string> }>();
  for (const share of partition(config, worldSize)) {
    const plan = planStep(config, allLayers(config), worldSize);
    const setup = { checkpoint, share, plan, dtype: "int8" } as RankSetup;
    for (const [stage, graph] of stageGraphs(setup)) {
      const bytes = quantizeStage(source, setup, stage, graph, chunkMaths());
      for (const weight of graph.weights) {
        if (weight.kind === "vector") continue;
        const { format, packed, scales } = weight.quantized!;
        if (format.blockSize !== "row") continue;
        let index = 0;
        for (const tensor of weight.matrix.tensors) {
          const region = tensorRegion(tensor.axes, config, share);
          for (let row = region.rows.start; row < region.rows.end; row++, index++) {
            const key: string = `${tensorName(tensor, layerOf(stage, weightPart(weight)))} ${row}`;
            const scale = bytes.readFloatLE(scales.offset + 4 * index);
            const found: { scale: number; parts: Map<number, string> } = rows.get(key) ?? { scale, parts: new Map() };
            assert.equal(found.scale, scale, key);
            const at = packed.offset + index * weight.columns;
            found.parts.set(region.columns.start, bytes.subarray(at, at + weight.columns).toString("hex"));
            rows.set(key, found);
          }
        }
      }
    }
  }
  source.close();
  return rows;
}

test("1, 2, 3 and 4 ranks have the same rows", () => {
  const joined = (worldSize: number) =>
    new Map(
      [...rowsOf(worldSize)].map(([key, { scale, parts }]) => {
        const numbers = [...parts].sort(([a], [b]) => a - b).map(([, part]) => part);
        return [key, `${scale} ${numbers.join("")}`];
      }),
    );
  const whole = joined(1);
  assert.deepEqual([...new Set([...whole.keys()].map((key) => key.split(" ")[0]))].length, 2);
  for (const ranks of [2, 3, 4]) assert.deepEqual(joined(ranks), whole, `${ranks} ranks`);
});

test("logits are near those of fp32 for any number of ranks, and a row's do not depend on the others of its step", async () => {
  const all = { position: 0, tokens: ids, logits: "all" } as const;
  const start = (dtype: "fp32" | "int8", worldSize: number, cacheRoot: string | null = null) =>
    Engine.start(checkpoint, { worldSize, dtype, kvDtype: "fp32", maxSeqLen: 64, cacheRoot });
  const exact = await start("fp32", 1);
  const [expected] = await exact.forward([{ sequence: exact.newSequence(), ...all }]);
  await exact.close();
  for (const ranks of [1, 3]) {
    const first = await start("int8", ranks, root);
    const [found] = await first.forward([{ sequence: first.newSequence(), ...all }]);
    const difference = maxDifference(found!, expected!);
    assert.ok(difference > 1e-4 && difference < 0.2, `${ranks} ranks: ${difference}`);
    const alone = await first.forward([
      { sequence: first.newSequence(), position: 0, tokens: [ids[0]!], logits: "last" },
      { sequence: first.newSequence(), position: 0, tokens: [ids[0]!], logits: "last" },
    ]);
    const [single] = await first.forward([
      { sequence: first.newSequence(), position: 0, tokens: [ids[0]!], logits: "last" },
    ]);
    assert.deepEqual(alone[0], alone[1]);
    assert.ok(maxDifference(single!, alone[0]!) < 0.02);
    await first.close();
    const second = await start("int8", ranks, root);
    const [again] = await second.forward([{ sequence: second.newSequence(), ...all }]);
    await second.close();
    assert.deepEqual([first.weightCache.state, second.weightCache.state], ["written", "opened"]);
    assert.deepEqual(again, found);
  }
});

test("a feed-forward width whose last unit is a part of one is not turned across tokens", async () => {
  const narrow = presetCheckpoint("260K", 2);
  assert.equal(narrow.config.ffnDim % 16, 12);
  const results: Float32Array[] = [];
  for (const [dtype, worldSize] of [
    ["fp32", 1],
    ["int8", 1],
    ["int8", 3],
  ] as const) {
    const engine = await Engine.start(narrow, { worldSize, dtype, maxSeqLen: 64, cacheRoot: null });
    results.push(
      ...(await engine.forward([{ sequence: engine.newSequence(), position: 0, tokens: ids, logits: "all" }])),
    );
    await engine.close();
  }
  const differences = results.slice(1).map((found) => maxDifference(found, results[0]!));
  assert.ok(
    differences.every((difference) => difference > 1e-4 && difference < 0.2),
    differences.join(),
  );
});

test("whether products need precise kernels can be found out on any processor", () => {
  assert.equal(typeof needsPrecision(), "boolean");
});
