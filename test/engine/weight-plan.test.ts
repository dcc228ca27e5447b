/** Checks, for every released size and 1 to 16 ranks, which bytes of which file each rank reads, and that its graphs use them. No weights needed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { stageGraphs } from "../../src/engine/stages/stages.js";
import type { StoredTensor } from "../../src/formats/tensor/stored-tensor.js";
import { weightPart } from "../../src/model/architecture/graph-builder.js";
import { layerOf, planStep } from "../../src/model/architecture/step-plan.js";
import { type TensorSpec, tensorName, tensorTable } from "../../src/model/architecture/tensor-table.js";
import { type ModelTensor, mergeShards } from "../../src/model/checkpoint/model-tensor.js";
import { overlaps } from "../../src/model/checkpoint/read-slice.js";
import type { ModelConfig } from "../../src/model/config/config.js";
import { PRESETS, presetCheckpoint, randomCheckpoint } from "../../src/model/sizes/presets.js";
import { allLayers, partition, type RankShare } from "../../src/model/split/partition.js";
import { tensorRegion } from "../../src/model/split/rank-region.js";
import { SIZES } from "../model/sizes.js";

const MAX_RANKS = 16;
const ALL = Array.from({ length: MAX_RANKS }, (_, i) => i + 1);

/** The tensor as fairscale splits it over files; the embedding is split by columns, or by rows since Llama 3. */
function sharded(spec: TensorSpec, files: number, isVocabSplit: boolean): ModelTensor {
  const split = spec.split === "embedding" ? (isVocabSplit ? "rows" : "columns") : spec.split;
  const axis = split === "rows" ? 0 : split === "columns" ? 1 : null;
  const shape = spec.shape.map((size, i) => (i === axis ? size / files : size));
  assert.ok(shape.every(Number.isInteger), spec.name);
  const entries = Array.from({ length: files }, (_, rank): StoredTensor => {
    const storage = { file: `consolidated.0${rank}.pth`, offset: 0, byteLength: 0 };
    return { name: spec.name, dtype: "fp16", shape, strides: [], storageOffset: 0, storage };
  });
  return mergeShards(spec, entries);
}

/** The ranks that must have an index along the split axis of a tensor, computed only from Meta's rules. */
function owners(name: string, index: number, config: ModelConfig, shares: readonly RankShare[]): number[] {
  const { headDim, nHeads, nKvHeads } = config;
  const part = name.split(".").at(-2)!;
  const head = Math.floor(index / headDim);
  const group = nHeads / nKvHeads;
  return [...shares.keys()].filter((rank) => {
    const { qHeads, ffn, vocab } = shares[rank]!;
    switch (part) {
      case "wq":
      case "wo":
        return qHeads.start <= head && head < qHeads.end;
      case "wk":
      case "wv":
        // repeat_interleave: query head j uses KV head j // group
        return Math.floor(qHeads.start / group) <= head && head <= Math.floor((qHeads.end - 1) / group);
      case "w1":
      case "w2":
      case "w3":
        return ffn.start <= index && index < ffn.end;
      case "output":
      case "tok_embeddings":
        return vocab.start <= index && index < vocab.end;
      default:
        return true;
    }
  });
}

/** Checks that the ranks read exactly the bytes they own. */
function checkOwnership(tensor: ModelTensor, spec: TensorSpec, config: ModelConfig, shares: readonly RankShare[]) {
  const { name } = spec;
  const [height, width] = spec.shape.length === 1 ? [1, spec.shape[0]!] : (spec.shape as [number, number]);
  const isByColumns = /\.(wo|w2)\./.test(name);
  const edges = new Set([0]);
  const regions = shares.map((share) => tensorRegion(spec.kind.axes, config, share));
  for (const { rows, columns } of regions) {
    const [along, across, size] = isByColumns ? [columns, rows, height] : [rows, columns, width];
    assert.deepEqual(across, { start: 0, end: size }, name);
    edges.add(along.start).add(along.end);
  }
  // Ownership can change only at the edges of regions and heads.
  const length = isByColumns ? width : height;
  if (/\.w[qkvo]\./.test(name)) for (let at = 0; at <= length; at += config.headDim) edges.add(at);
  for (const edge of edges) {
    for (const index of [edge - 1, edge, edge + 1]) {
      if (index < 0 || index >= length) continue;
      const found = regions.flatMap(({ rows, columns }, rank) => {
        const { start, end } = isByColumns ? columns : rows;
        return start <= index && index < end ? [rank] : [];
      });
      const expected = owners(name, index, config, shares);
      assert.deepEqual(found, expected, `${name} ${index}`);
      assert.ok(found.length > 0, `${name} ${index} has no rank`);
    }
  }
  for (const { rows, columns } of regions) {
    let area = 0;
    for (const part of overlaps(tensor, rows, columns)) {
      const { piece } = part;
      const [rowBase, columnBase] = [tensor.axis === 0 ? piece.start : 0, tensor.axis === 1 ? piece.start : 0];
      assert.equal(part.rows.start + rowBase, rows.start + part.row, name);
      assert.equal(part.columns.start + columnBase, columns.start + part.column, name);
      const size = piece.end - piece.start;
      assert.ok(part.rows.end <= (tensor.axis === 0 ? size : height), name);
      assert.ok(part.columns.end <= (tensor.axis === 1 ? size : width), name);
      area += (part.rows.end - part.rows.start) * (part.columns.end - part.columns.start);
    }
    assert.equal(area, (rows.end - rows.start) * (columns.end - columns.start), name);
  }
}

test("presets have the shapes of released models", () => {
  const shape = ({ dim, nLayers, nHeads, nKvHeads, ffnDim, vocabSize }: ModelConfig) =>
    [dim, nLayers, nHeads, nKvHeads, ffnDim, vocabSize].join(" ");
  const released = SIZES.map(({ name, params }) =>
    shape(randomCheckpoint(name, new Map(Object.entries(params))).config),
  );
  for (const name of Object.keys(PRESETS)) {
    if (name === "260K") continue;
    const { config } = presetCheckpoint(name);
    assert.ok(released.includes(shape(config)), name);
    assert.equal(config.ropeScaling !== null, /^3\.\d/.test(name), name);
  }
});

for (const { name, params, files } of SIZES) {
  const { config } = randomCheckpoint(name, new Map(Object.entries(params)));

  test(`${name}: every byte of ${files} files belongs to the right ranks`, () => {
    // All layers have the same shapes.
    const table = tensorTable({ ...config, nLayers: 1 });
    const tensors = table.map((spec) => sharded(spec, files, params.vocab_size > 100_000));
    for (const worldSize of ALL) {
      const shares = partition(config, worldSize);
      for (const [i, spec] of table.entries()) checkOwnership(tensors[i]!, spec, config, shares);
    }
  });

  test(`${name}: graphs use every tensor once`, () => {
    const checkpoint = { ...randomCheckpoint(name, new Map(Object.entries(params))), config };
    const wanted = tensorTable(config)
      .map((spec) => spec.name)
      .filter((tensor) => tensor !== "tok_embeddings.weight")
      .sort();
    for (const worldSize of ALL) {
      const types =
        worldSize === 1 || worldSize === MAX_RANKS ? (["fp32", "int8", "int4"] as const) : ["fp32" as const];
      const plan = planStep(config, allLayers(config), worldSize);
      for (const dtype of types) {
        for (const [rank, share] of partition(config, worldSize).entries()) {
          // The other ranks' graphs differ only in sizes.
          if (dtype !== "fp32" && rank % 5 !== 0) continue;
          const taken: string[] = [];
          for (const [stage, { model, weights }] of stageGraphs({ checkpoint, share, plan, dtype })) {
            assert.ok(model.length > 0);
            for (const weight of weights) {
              const layer = layerOf(stage, weightPart(weight));
              if (weight.kind === "vector") {
                taken.push(...weight.vector.tensors.map((tensor) => tensorName(tensor, layer)));
                continue;
              }
              const { tensors } = weight.matrix;
              const names = tensors.map((tensor) => tensorName(tensor, layer));
              const regions = tensors.map(({ axes }) => tensorRegion(axes, config, share));
              const rows = regions.reduce((sum, region) => sum + region.rows.end - region.rows.start, 0);
              assert.equal(weight.rows, rows, `${names} on rank ${rank} of ${worldSize}`);
              for (const { columns } of regions) assert.equal(weight.columns, columns.end - columns.start);
              taken.push(...names);
            }
          }
          assert.deepEqual(taken.sort(), wanted, `rank ${rank} of ${worldSize}`);
        }
      }
    }
  });
}
