import assert from "node:assert/strict";
import { test } from "node:test";
import { bitsPerWeight, modelBytesPerToken } from "../../src/model/sizes/bytes-per-token.js";
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
  // an fp32 scale for every 128 weights, in int8's w13 for every row, and in int4 half a byte for the zero point; the head stays int8
  const matrices = parameterCount - embedding - norms / 4;
  const w2 = config.nLayers * config.dim * config.ffnDim;
  const w13Scales = 4 * 2 * config.nLayers * config.ffnDim;
  assert.equal(bytes(1, "int8").weights, matrices + (matrices - 2 * w2) * (4 / 128) + w13Scales + norms);
  // wv in all layers, and w2 in as many as 4.85 bits a weight allow
  const wv = config.nLayers * config.nKvHeads * config.headDim * config.dim;
  const wide = wv + w2 / config.nLayers;
  const narrow = matrices - embedding - wide;
  assert.equal(bytes(1, "int4").weights, narrow * (1 / 2 + 4.5 / 128) + (wide + embedding) * (1 + 4 / 128) + norms);
  assert.ok(bitsPerWeight(config, "int4") <= 4.85 && bitsPerWeight(config, "int8") <= 8.25);
  // 9 blocks of 64 instead of 5 of 128 with padding
  const narrower = { ...config, dim: 576, ffnDim: 1536, nHeads: 9, nKvHeads: 3, headDim: 64, nLayers: 30 };
  assert.equal(bitsPerWeight(narrower, "int8"), 8 + 32 / 64);
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
