import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LlamaError } from "../../src/error.js";
import type { Range } from "../../src/formats/tensor/range.js";
import type { ModelConfig } from "../../src/model/config/config.js";
import { resolveConfig } from "../../src/model/config/meta-params.js";
import { partition } from "../../src/model/split/partition.js";
import { autoWorldSize } from "../../src/model/split/rank-count.js";
import { SIZES } from "./sizes.js";

const configOf = (params: object, vocabSize: number): ModelConfig =>
  resolveConfig({ file: "params.json", values: new Map(Object.entries(params)), unknownKeys: [] }, vocabSize);

const config = (nHeads: number, nKvHeads: number, ffnDim: number, vocabSize = 100): ModelConfig => ({
  ...configOf({ dim: nHeads * 2, n_layers: 1, n_heads: nHeads, n_kv_heads: nKvHeads }, vocabSize),
  ffnDim,
});

/** Asserts that the ranges follow each other without gaps, are not empty, and cover 0..total. */
function covers(ranges: Range[], total: number) {
  let end = 0;
  for (const range of ranges) {
    assert.equal(range.start, end);
    assert.ok(range.end > range.start);
    end = range.end;
  }
  assert.equal(end, total);
}

function checkShares(model: ModelConfig, worldSize: number) {
  const shares = partition(model, worldSize);
  assert.equal(shares.length, worldSize);
  covers(
    shares.map((share) => share.qHeads),
    model.nHeads,
  );
  covers(
    shares.map((share) => share.ffn),
    model.ffnDim,
  );
  covers(
    shares.map((share) => share.vocab),
    model.vocabSize,
  );
  const group = model.nHeads / model.nKvHeads;
  const owned = new Set<number>();
  for (const { qHeads, kvHeads } of shares) {
    assert.equal(kvHeads.start, Math.floor(qHeads.start / group));
    assert.equal(kvHeads.end, Math.ceil(qHeads.end / group));
    const whole = qHeads.start % group === 0 && qHeads.end % group === 0;
    assert.ok(whole || kvHeads.end - kvHeads.start === 1);
    for (let head = kvHeads.start; head < kvHeads.end; head++) owned.add(head);
  }
  assert.equal(owned.size, model.nKvHeads);
}

describe("partition", () => {
  for (const { name, params } of SIZES) {
    it(`assigns every part of ${name} to one rank, for 1 to 16 ranks`, () => {
      const model = configOf(params, params.vocab_size);
      for (let worldSize = 1; worldSize <= 16; worldSize++) checkShares(model, worldSize);
    });
  }

  it("works for every number of ranks up to one per head", () => {
    for (const [nHeads, nKvHeads] of [
      [1, 1],
      [6, 6],
      [6, 2],
      [12, 4],
      [8, 1],
      [30, 5],
    ] as const) {
      for (let worldSize = 1; worldSize <= nHeads; worldSize++) checkShares(config(nHeads, nKvHeads, 40), worldSize);
    }
  });

  it("divides the feed-forward block between blocks of quantised weights if it is wide enough", () => {
    assert.deepEqual(
      partition(config(4, 4, 100), 3).map((share) => share.ffn),
      [
        { start: 0, end: 32 },
        { start: 32, end: 64 },
        { start: 64, end: 100 },
      ],
    );
    assert.deepEqual(
      partition(config(4, 4, 11008), 4).map((share) => share.ffn.end),
      [21 * 128, 43 * 128, 64 * 128, 86 * 128],
    );
    assert.deepEqual(
      partition(config(4, 4, 24), 2).map((share) => share.ffn.end),
      [12, 24],
    );
  });

  it("agrees with Meta's equal split if there is one", () => {
    const [, second] = partition(config(32, 8, 14336, 128256), 8);
    assert.deepEqual(second, {
      layers: { start: 0, end: 1 },
      qHeads: { start: 4, end: 8 },
      kvHeads: { start: 1, end: 2 },
      ffn: { start: 1792, end: 3584 },
      vocab: { start: 16032, end: 32064 },
    });
  });

  for (const worldSize of [0, -1, 1.5, 7, Number.NaN]) {
    it(`rejects ${worldSize} ranks for 6 heads`, () => {
      assert.throws(
        () => partition(config(6, 2, 48), worldSize),
        (error) => error instanceof LlamaError && error.kind === "usage" && /1 to 6/.test(error.message),
      );
    });
  }

  it("rejects a feed-forward block narrower than the number of ranks", () => {
    assert.throws(() => partition(config(6, 2, 4), 5), /expected 1 to 4, found 5/);
  });
});

describe("autoWorldSize", () => {
  const cases = [
    { cores: 8, files: 1, ranks: 1 },
    { cores: 8, files: 4, ranks: 4 },
    { cores: 2, files: 4, ranks: 1 },
    { cores: 32, files: 16, ranks: 1 },
  ];
  for (const { cores, files, ranks } of cases) {
    it(`runs ${files} files of 8 heads on ${cores} cores with ${ranks} ranks`, () => {
      assert.equal(autoWorldSize(config(8, 8, 64), cores, files, false), ranks);
      assert.equal(autoWorldSize(config(8, 8, 64), cores, files, true), ranks, "too narrow to divide");
    });
  }
  for (const { cores, ranks } of [
    { cores: 1, ranks: 1 },
    { cores: 2, ranks: 2 },
    { cores: 12, ranks: 11 },
    { cores: 15, ranks: 11 },
    { cores: 64, ranks: 16 },
  ]) {
    it(`runs 32 heads with quantised weights on ${cores} cores with ${ranks} ranks`, () => {
      assert.equal(autoWorldSize({ ...config(32, 8, 11008, 32000), dim: 4096 }, cores, 1, true), ranks);
    });
  }
});
