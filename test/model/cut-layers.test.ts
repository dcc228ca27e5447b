/** The cut of a model's layers over hosts: by bandwidth, within memory, or as asked. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { STEP_TOKENS } from "../../src/engine/host/engine-options.js";
import { LlamaError } from "../../src/error.js";
import { cutLayers, stageOrder } from "../../src/model/sizes/cut-layers.js";
import { memoryNeed } from "../../src/model/sizes/memory-need.js";
import { presetCheckpoint } from "../../src/model/sizes/presets.js";

const { config } = presetCheckpoint("3-70B");
const setup = { dtype: "int8", kvType: "int8", maxSeqLen: 8192, stepTokens: STEP_TOKENS } as const;
const node = (name: string, gigabytes = 64, bandwidth = 40e9) => ({
  ...{ name, worldSize: 4, memory: gigabytes * 1e9, bandwidth },
});
const counts = (shares: readonly { layers: { start: number; end: number } }[]) =>
  shares.map(({ layers: { start, end } }) => end - start);

test("equal hosts read as many bytes as possible alike; node 0 holds the last layers and the head", () => {
  assert.deepEqual(stageOrder(4), [1, 2, 3, 0]);
  const shares = cutLayers(config, [node("a"), node("b")], setup);
  // The head is as large as 1.2 layers.
  assert.deepEqual(
    shares.map(({ layers }) => layers),
    [
      { start: 41, end: 80 },
      { start: 0, end: 41 },
    ],
  );
  assert.deepEqual(counts(cutLayers(config, [node("a"), node("b"), node("c"), node("d")], setup)), [19, 20, 20, 21]);
});

test("a host that reads twice as fast gets twice the layers, as far as its memory holds them", () => {
  const fast = (gigabytes: number) => cutLayers(config, [node("a"), node("b", gigabytes, 80e9)], setup);
  assert.deepEqual(counts(fast(64)), [26, 54]);
  const [a, b] = fast(32);
  assert.ok(b!.total <= 32e9 && b!.total > 29e9, String(b!.total));
  // Three layers more do not fit.
  const [least, most] = counts([a!, b!]) as [number, number];
  const more = { counts: [least - 3, most + 3] };
  assert.throws(() => cutLayers(config, [node("a"), node("b", 32, 80e9)], setup, more), /b layers 0 to \d+ need/);
});

test("what a host needs is what its layers need, and it says how many positions it has room for", () => {
  const nodes = [node("a", 100), node("b", 50), node("c", 40)];
  for (const [rank, { layers, weights, token, total, positions }] of cutLayers(config, nodes, setup).entries()) {
    const need = memoryNeed(config, 4, "int8", 8192, STEP_TOKENS, layers, "int8");
    assert.deepEqual([weights, token, total], [need.weights, need.token, need.total]);
    assert.ok(total + (2 * positions - 8192) * token <= nodes[rank]!.memory * 1.001 || positions === 8192);
  }
});

test("hosts that are too small are refused with the figures of each", () => {
  assert.throws(
    () => cutLayers(config, [node("a", 30), node("b", 40)], setup),
    (error) => {
      assert.ok(error instanceof LlamaError && error.kind === "memory");
      assert.match(error.message, /a layers \d+ to 79 need [\d.]+ GB, 30\.\d GB available; b layers 0 to \d+ need/);
      return true;
    },
  );
  assert.equal(cutLayers(config, [node("a", 30), node("b", 40)], setup, { force: true }).length, 2);
});

test("layers can be given for each node, from node 0 on", () => {
  const nodes = [node("a"), node("b"), node("c")];
  const shares = cutLayers(config, nodes, setup, { counts: [20, 25, 35] });
  assert.deepEqual(
    shares.map(({ layers }) => [layers.start, layers.end]),
    [
      [60, 80],
      [0, 25],
      [25, 60],
    ],
  );
  for (const wrong of [
    [40, 40],
    [20, 25, 34],
    [0, 40, 40],
    [20.5, 24.5, 35],
  ]) {
    assert.throws(() => cutLayers(config, nodes, setup, { counts: wrong }), /layers_per_node: does not divide/);
  }
  const many = Array.from({ length: 81 }, (_, i) => node(String(i)));
  assert.throws(() => cutLayers(config, many, setup), /more hosts than layers; expected at most 80/);
});
