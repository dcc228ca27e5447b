import assert from "node:assert/strict";
import { test } from "node:test";
import { STEP_TOKENS } from "../../src/engine/host/engine-options.js";
import { modelBytesPerToken } from "../../src/model/sizes/bytes-per-token.js";
import { memoryNeed } from "../../src/model/sizes/memory-need.js";
import { presetCheckpoint } from "../../src/model/sizes/presets.js";
import { partition } from "../../src/model/split/partition.js";

const { config } = presetCheckpoint("7B", 4);

test("the memory needed is the sum of weights, context and working memory", () => {
  for (const dtype of ["fp32", "int8", "int4"] as const) {
    for (const ranks of [1, 2, 8]) {
      const need = memoryNeed(config, ranks, dtype, 1000, STEP_TOKENS);
      const bytes = modelBytesPerToken(config, partition(config, ranks), dtype);
      assert.equal(need.weights, bytes.weights);
      assert.equal(need.context, bytes.position * 1000);
      assert.equal(need.total, need.weights + need.context + need.working);
      assert.ok(need.weightsOfRank >= need.weights / ranks && need.weightsOfRank < (need.weights / ranks) * 1.1);
    }
  }
});

test("the estimate for quantised weights is within 10 % of the highest of the measured peaks", () => {
  // Peak resident memory in MB: without weight cache, when writing it, when opening it; with the supervisor's allocator settings and 16 tokens.
  const measured: [string, number, "int8" | "int4", number, ...number[]][] = [
    ["7B", 4, "int8", 1, 1582, 1452, 1148],
    ["7B", 4, "int8", 2, 1676, 1518, 1199],
    ["7B", 16, "int8", 1, 4246, 3913, 3829],
    ["7B", 16, "int8", 2, 4381, 4373, 3979],
    ["3-8B", 2, "int8", 2, 2518, 2820, 1254],
    ["3-8B", 6, "int8", 1, 3418, 3087, 2134],
    // Without a weight cache, which is the highest of the three for these shapes: `bench --no_cache --pp 0 --tg 16`.
    ["7B", 4, "int4", 1, 1072],
    ["7B", 4, "int4", 2, 1143],
    ["7B", 16, "int4", 2, 2724],
    // When writing the weight cache, which is the highest for this shape.
    ["3-8B", 2, "int4", 1, 2839],
  ];
  for (const [preset, layers, dtype, ranks, ...peaks] of measured) {
    const { total } = memoryNeed(presetCheckpoint(preset, layers).config, ranks, dtype, 16, STEP_TOKENS);
    const ratio = total / 1e6 / Math.max(...peaks);
    assert.ok(Math.abs(ratio - 1) < 0.1, `${preset}, ${layers} layers, ${dtype}, ${ranks} ranks: ${ratio}`);
  }
});

test("the estimate for fp32 is within 15 % of the measured peak", () => {
  // Peak resident memory by GNU time, 4 layers of 7B: `generate --dtype fp32 --nproc_per_node N --max_gen_len 8`.
  for (const [ranks, measured] of [
    [1, 3904e6],
    [2, 3929e6],
    [4, 3978e6],
  ] as const) {
    for (const tokens of [16, 2048]) {
      const { total } = memoryNeed(config, ranks, "fp32", tokens, STEP_TOKENS);
      assert.ok(Math.abs(total / measured - 1) < 0.15, `${ranks} ranks, ${tokens} tokens: ${total} for ${measured}`);
    }
  }
});
