import assert from "node:assert/strict";
import { test } from "node:test";
import { modelBytesPerToken } from "../../src/model/sizes/bytes-per-token.js";
import { presetCheckpoint } from "../../src/model/sizes/presets.js";
import { partition } from "../../src/model/split/partition.js";

const checkpoint = presetCheckpoint("3-8B", 3);
const { config, parameterCount } = checkpoint;
const bytes = (worldSize: number, dtype: "fp32" | "int8" | "int4") =>
  modelBytesPerToken(config, partition(config, worldSize), dtype);

test("one rank reads everything except the embedding", () => {
  const embedding = config.vocabSize * config.dim;
  assert.equal(bytes(1, "fp32").weights, (parameterCount - embedding) * 4);
  const norms = (2 * config.nLayers + 1) * config.dim * 4;
  // an fp32 scale for every 128 weights, and in int4 half a byte for the zero point; the head stays int8
  const matrices = parameterCount - embedding - norms / 4;
  assert.equal(bytes(1, "int8").weights, matrices * (1 + 4 / 128) + norms);
  assert.equal(
    bytes(1, "int4").weights,
    (matrices - embedding) * (1 / 2 + 4.5 / 128) + embedding * (1 + 4 / 128) + norms,
  );
});

test("several ranks read the same matrices, and each rank reads all norms", () => {
  const norms = (2 * config.nLayers + 1) * config.dim * 4;
  for (const dtype of ["fp32", "int8", "int4"] as const) {
    assert.equal(bytes(4, dtype).weights, bytes(1, dtype).weights + 3 * norms);
  }
});

test("every rank that needs a KV head reads it", () => {
  const { nLayers, nKvHeads, headDim, dim } = config;
  assert.equal(bytes(8, "fp32").position, nLayers * nKvHeads * headDim * 2 * 4);
  assert.equal(bytes(16, "fp32").position, 2 * bytes(8, "fp32").position);
  // int8, with an fp32 scale for each token and head
  assert.equal(bytes(8, "int4").position, nLayers * nKvHeads * (headDim + 4) * 2);
  const norms = (2 * nLayers + 1) * dim * 4;
  const shared = nLayers * 2 * nKvHeads * headDim * dim * 4;
  assert.equal(bytes(16, "fp32").weights, bytes(8, "fp32").weights + 8 * norms + shared);
});
