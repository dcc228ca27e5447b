import assert from "node:assert/strict";
import { test } from "node:test";
import { modelBytesPerToken } from "../../src/model/sizes/bytes-per-token.js";
import { presetCheckpoint } from "../../src/model/sizes/presets.js";
import { partition } from "../../src/model/split/partition.js";

const checkpoint = presetCheckpoint("3-8B", 3);
const { config, parameterCount } = checkpoint;
const traffic = (worldSize: number, dtype: "fp32" | "int8" | "int4") =>
  modelBytesPerToken(config, partition(config, worldSize), dtype);

test("one rank reads everything but the embedding", () => {
  const embedding = config.vocabSize * config.dim;
  assert.equal(traffic(1, "fp32").weights, (parameterCount - embedding) * 4);
  const norms = (2 * config.nLayers + 1) * config.dim * 4;
  // a scale in fp32 for 128 weights; the head stays in int8
  const matrices = parameterCount - embedding - norms / 4;
  assert.equal(traffic(1, "int8").weights, matrices * (1 + 4 / 128) + norms);
  assert.equal(
    traffic(1, "int4").weights,
    (matrices - embedding) * (1 / 2 + 4 / 128) + embedding * (1 + 4 / 128) + norms,
  );
});

test("more ranks read the same matrices, and each the norms", () => {
  const norms = (2 * config.nLayers + 1) * config.dim * 4;
  for (const dtype of ["fp32", "int8", "int4"] as const) {
    assert.equal(traffic(4, dtype).weights, traffic(1, dtype).weights + 3 * norms);
  }
});

test("a KV head that several ranks need is read by each", () => {
  const { nLayers, nKvHeads, headDim, dim } = config;
  assert.equal(traffic(8, "fp32").position, nLayers * nKvHeads * headDim * 2 * 4);
  assert.equal(traffic(16, "fp32").position, 2 * traffic(8, "fp32").position);
  assert.equal(traffic(16, "int4").position, traffic(16, "fp32").position / 2);
  const norms = (2 * nLayers + 1) * dim * 4;
  const shared = nLayers * 2 * nKvHeads * headDim * dim * 4;
  assert.equal(traffic(16, "fp32").weights, traffic(8, "fp32").weights + 8 * norms + shared);
});
