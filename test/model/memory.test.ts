import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryNeed } from "../../src/model/memory.js";
import { partition } from "../../src/model/partition.js";
import { presetCheckpoint } from "../../src/model/preset.js";
import { modelTraffic } from "../../src/model/traffic.js";

const { config } = presetCheckpoint("7B", 4);

test("a need is weights, context and working memory", () => {
  for (const dtype of ["fp32", "int8", "int4"] as const) {
    for (const ranks of [1, 2, 8]) {
      const need = memoryNeed(config, ranks, dtype, 1000);
      const traffic = modelTraffic(config, partition(config, ranks), dtype);
      assert.equal(need.weights, traffic.weights);
      assert.equal(need.context, traffic.position * 1000);
      assert.equal(need.total, need.weights + need.context + need.working);
      assert.ok(need.weightsOfRank >= need.weights / ranks && need.weightsOfRank < (need.weights / ranks) * 1.1);
    }
  }
});

test("the need in fp32 is within 15 % of the peak that was measured", () => {
  // Resident, by GNU time, of 4 layers of 7B: `generate --dtype fp32 --nproc_per_node N --max_gen_len 8`.
  for (const [ranks, measured] of [
    [1, 3904e6],
    [2, 3929e6],
    [4, 3978e6],
  ] as const) {
    for (const tokens of [16, 2048]) {
      const { total } = memoryNeed(config, ranks, "fp32", tokens);
      assert.ok(Math.abs(total / measured - 1) < 0.15, `${ranks} ranks, ${tokens} tokens: ${total} for ${measured}`);
    }
  }
});
