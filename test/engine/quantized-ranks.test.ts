/** Tests that any number of ranks has the same quantised weights: integers, scales and zero points, block by block. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { RankSetup } from "../../src/engine/shared/messages.js";
import { quantizeStage } from "../../src/engine/stages/read-weights.js";
import { stageGraphs } from "../../src/engine/stages/stages.js";
import { chunkMaths } from "../../src/engine/stages/weight-kernel.js";
import { weightPart } from "../../src/model/architecture/graph-builder.js";
import { layerOf, planStep } from "../../src/model/architecture/step-plan.js";
import { tensorName } from "../../src/model/architecture/tensor-table.js";
import { type Checkpoint, openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { openWeights } from "../../src/model/checkpoint/weight-source.js";
import { allLayers, partition } from "../../src/model/split/partition.js";
import { tensorRegion } from "../../src/model/split/rank-region.js";
import { relatives, writeRelative } from "../model/random-weights.js";

const root = mkdtempSync(join(tmpdir(), "llama-ts-ranks-"));
after(() => rmSync(root, { recursive: true }));
// Heads of 32 and a feed-forward width of 512: ranks divide columns between blocks.
const small = relatives.models.qwen3!;
const tensors = Object.entries(small.tensors).map(([name, shape]) => [name, shape.map((n) => (n === 160 ? 512 : n))]);
const model = { ...small, config: { ...small.config, intermediate_size: 512 }, tensors: Object.fromEntries(tensors) };
const checkpoint = openCheckpoint(writeRelative(join(root, "model"), model), 512);

/** Every block of all ranks: its integers, scale and zero point, by tensor, row and first column. */
function blocksOf(from: Checkpoint, dtype: "int8" | "int4", worldSize: number): Map<string, string> {
  const { config } = from;
  const plan = planStep(config, allLayers(config), worldSize);
  const source = openWeights(from);
  const found = new Map<string, string>();
  for (const share of partition(config, worldSize)) {
    const setup = { checkpoint: from, share, plan, dtype } as RankSetup;
    for (const [stage, graph] of stageGraphs(setup)) {
      const bytes = quantizeStage(source, setup, stage, graph, chunkMaths());
      for (const weight of graph.weights) {
        if (weight.kind === "vector") continue;
        const { format, packed, scales, zeros } = weight.quantized!;
        const blocks = scales.length / 4 / weight.rows;
        const blockBytes = packed.length / weight.rows / blocks;
        let row = 0;
        for (const tensor of weight.matrix.tensors) {
          const region = tensorRegion(tensor.axes, config, share);
          for (let at = region.rows.start; at < region.rows.end; at++, row++) {
            for (let block = 0; block < blocks; block++) {
              const index = row * blocks + block;
              const start = packed.offset + index * blockBytes;
              const zeroAt = zeros && zeros.offset + (zeros.length / weight.rows) * row + (block >> 1);
              const zero = zeroAt === null ? 128 : (bytes[zeroAt]! >> (4 * (block % 2))) & 15;
              const column = region.columns.start + block * (format.blockSize as number);
              const key = `${tensorName(tensor, layerOf(stage, weightPart(weight)))} ${at} ${column}`;
              const numbers = bytes.subarray(start, start + blockBytes).toString("hex");
              found.set(key, `${format.bits} ${numbers} ${bytes.readFloatLE(scales.offset + index * 4)} ${zero}`);
            }
          }
        }
      }
    }
  }
  source.close();
  return found;
}

for (const dtype of ["int8", "int4"] as const) {
  test(`${dtype}: 1, 2, 3 and 6 ranks have the same blocks`, () => {
    const whole = blocksOf(checkpoint, dtype, 1);
    for (const ranks of [2, 3, 6]) assert.deepEqual(blocksOf(checkpoint, dtype, ranks), whole, `${ranks} ranks`);
  });
}
