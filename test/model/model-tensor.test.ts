import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LlamaError } from "../../src/error.js";
import type { DType, StoredTensor } from "../../src/formats/tensor/stored-tensor.js";
import type { Split } from "../../src/model/architecture/tensor-table.js";
import { mergeShards } from "../../src/model/checkpoint/model-tensor.js";

const entry = (rank: number, shape: number[], dtype: DType = "fp16"): StoredTensor => ({
  name: "w",
  dtype,
  shape,
  strides: shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1)),
  storageOffset: 0,
  storage: { file: `/m/consolidated.0${rank}.pth`, offset: 0, byteLength: 0 },
});

const merge = (split: Split, full: number[], ...parts: number[][]) =>
  mergeShards(
    { name: "w", shape: full, split },
    parts.map((shape, rank) => entry(rank, shape)),
  );

describe("mergeShards", () => {
  const good: [Split, number[], number[][], 0 | 1 | null][] = [
    ["rows", [8, 6], [[8, 6]], null],
    [
      "rows",
      [8, 6],
      [
        [4, 6],
        [4, 6],
      ],
      0,
    ],
    [
      "rows",
      [8, 6],
      [
        [5, 6],
        [3, 6],
      ],
      0,
    ],
    [
      "columns",
      [8, 6],
      [
        [8, 2],
        [8, 2],
        [8, 2],
      ],
      1,
    ],
    [
      "embedding",
      [8, 6],
      [
        [8, 3],
        [8, 3],
      ],
      1,
    ],
    [
      "embedding",
      [8, 6],
      [
        [4, 6],
        [4, 6],
      ],
      0,
    ],
    ["embedding", [8, 6], [[8, 6]], null],
    ["replicated", [6], [[6], [6]], null],
  ];
  for (const [split, full, parts, axis] of good) {
    it(`assembles [${parts.join("] [")}] with the split ${split}`, () => {
      const tensor = merge(split, full, ...parts);
      assert.equal(tensor.axis, axis);
      assert.deepEqual(tensor.shape, full);
      assert.equal(tensor.pieces.length, axis === null ? 1 : parts.length);
      assert.equal(tensor.pieces[0]!.start, 0);
      assert.equal(tensor.pieces.at(-1)!.end, full[axis ?? 0]);
    });
  }

  const wrong: [Split, number[], number[][], RegExp][] = [
    [
      "rows",
      [8, 6],
      [[4, 6]],
      /00\.pth: w: wrong number of shards.*expected 2 shards.*found 1 \(consolidated\.00\.pth\)/,
    ],
    [
      "columns",
      [8, 6],
      [
        [8, 2],
        [8, 2],
      ],
      /expected 3 shards of shape \[8, 2\] to make \[8, 6\], found 2/,
    ],
    [
      "rows",
      [8, 6],
      [
        [8, 6],
        [8, 6],
      ],
      /expected 1 shard of.*found 2/,
    ],
    [
      "rows",
      [8, 6],
      [
        [4, 6],
        [8, 6],
      ],
      /different splits are mixed; expected 8 rows in total, found 4 \+ 8/,
    ],
    [
      "rows",
      [8, 6],
      [
        [3, 6],
        [3, 6],
      ],
      /shards do not add up; expected 8 rows in total, found 3 \+ 3/,
    ],
    ["rows", [8, 6], [[6, 8]], /shape does not fit params\.json; expected \[8, 6\], found \[6, 8\]/],
    [
      "rows",
      [8, 6],
      [
        [4, 6],
        [4, 5],
      ],
      /01\.pth: w: shape.*expected \[8, 6\] over all shards, found \[4, 5\]/,
    ],
    ["rows", [8, 6], [[1e6, 1e6]], /found \[1000000, 1000000\]/],
    [
      "rows",
      [8, 6],
      [
        [0, 6],
        [8, 6],
      ],
      /found \[0, 6\]/,
    ],
    ["rows", [8, 6], [[]], /found \[\]/],
    ["replicated", [6], [[6], [3]], /01\.pth: w: shape.*expected \[6\], found \[3\]/],
  ];
  for (const [split, full, parts, pattern] of wrong) {
    it(`rejects [${parts.join("] [")}] as parts of [${full}] with the split ${split}`, () => {
      assert.throws(
        () => merge(split, full, ...parts),
        (error) => error instanceof LlamaError && pattern.test(error.message),
      );
    });
  }

  it("rejects parts of different types", () => {
    const parts = [entry(0, [4, 6]), entry(1, [4, 6], "fp32")];
    assert.throws(
      () => mergeShards({ name: "w", shape: [8, 6], split: "rows" }, parts),
      /01\.pth: w: shards have different element types; expected fp16 as in consolidated\.00\.pth, found fp32/,
    );
  });
});
