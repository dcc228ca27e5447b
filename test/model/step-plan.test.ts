import assert from "node:assert/strict";
import { test } from "node:test";
import type { Range } from "../../src/formats/tensor/range.js";
import { type Operation, planStep, stagesOf } from "../../src/model/architecture/step-plan.js";
import { modelBytesPerToken } from "../../src/model/sizes/bytes-per-token.js";
import { memoryNeed } from "../../src/model/sizes/memory-need.js";
import { presetCheckpoint } from "../../src/model/sizes/presets.js";
import { partition } from "../../src/model/split/partition.js";

const { config } = presetCheckpoint("3-8B", 3);
const ALL: Range = { start: 0, end: 3 };

/** One line for each operation: "stage" and "head" with their parts and layers, the others with their layer. */
const shown = (layers: Range, worldSize: number) =>
  planStep(config, layers, worldSize).map((operation: Operation) => {
    if ("stage" in operation) {
      const parts = operation.stage.parts.map(({ part, layer }) => `${part}${layer}`);
      return `${operation.kind === "head" ? "head: " : ""}${parts.join(" ")}`;
    }
    return operation.kind === "embed" ? "embed" : `${operation.kind} ${operation.layer}`;
  });

test("the stages of a single rank reach from one attention to the next", () => {
  assert.deepEqual(shown(ALL, 1), [
    ...["embed", "qkv0", "attention 0", "wo0 ffn0 qkv1", "attention 1", "wo1 ffn1 qkv2", "attention 2"],
    ...["wo2 ffn2", "head: head3"],
  ]);
});

test("several ranks are summed after wo and after ffn", () => {
  const layer = (i: number) => [`qkv${i}`, `attention ${i}`, `wo${i}`, `sum ${i}`, `ffn${i}`, `sum ${i}`];
  assert.deepEqual(shown(ALL, 4), ["embed", ...layer(0), ...layer(1), ...layer(2), "head: head3"]);
});

test("a range of layers has the embedding or the head only at the ends of the model", () => {
  assert.deepEqual(shown({ start: 1, end: 2 }, 1), ["qkv1", "attention 1", "wo1 ffn1"]);
  for (const worldSize of [1, 2]) {
    const ranges = [0, 1, 2].map((start) => ({ start, end: start + 1 }));
    const parts = (layers: Range) => stagesOf(planStep(config, layers, worldSize)).flatMap((stage) => stage.parts);
    assert.deepEqual(ranges.flatMap(parts), parts(ALL));
    assert.deepEqual(
      ranges.map((layers) => shown(layers, worldSize).filter((line) => /embed|head/.test(line))),
      [["embed"], [], ["head: head3"]],
    );
  }
});

test("a stage reads h unless it only projects the output of attention", () => {
  const inputs = (worldSize: number) =>
    Object.fromEntries(stagesOf(planStep(config, ALL, worldSize)).map((stage) => [stage.name, stage.inputs.join(" ")]));
  assert.deepEqual(inputs(1), {
    qkv: "h rotary",
    "wo ffn qkv": "h attended rotary",
    "wo ffn": "h attended",
    head: "h",
  });
  assert.deepEqual(inputs(2), { qkv: "h rotary", wo: "attended", ffn: "h", head: "h" });
});

test("a layer without rotation has a stage of its own, which gets no rotary tables", () => {
  const unrotated = { ...config, unrotatedLayers: [1] };
  const inputs = (worldSize: number) =>
    stagesOf(planStep(unrotated, ALL, worldSize)).map((stage) => `${stage.name}: ${stage.inputs.join(" ")}`);
  assert.deepEqual(inputs(1), [
    ...["qkv: h rotary", "wo ffn qkv unrotated: h attended", "wo ffn qkv: h attended rotary", "wo ffn: h attended"],
    "head: h",
  ]);
  assert.deepEqual(inputs(2), [
    ...["qkv: h rotary", "wo: attended", "ffn: h", "qkv unrotated: h", "wo: attended", "ffn: h"],
    ...["qkv: h rotary", "wo: attended", "ffn: h", "head: h"],
  ]);
});

test("the sizes of ranges of layers add up to those of the model", () => {
  for (const dtype of ["fp32", "int4"] as const) {
    const bytes = (layers: Range) => modelBytesPerToken(config, partition(config, 2, layers), dtype);
    const [first, rest] = [bytes({ start: 0, end: 1 }), bytes({ start: 1, end: 3 })];
    const all = bytes(ALL);
    assert.equal(first.weights + rest.weights, all.weights);
    assert.equal(first.position, all.position / 3);
    const need = memoryNeed(config, 2, dtype, 100, 256, { start: 1, end: 3 });
    assert.deepEqual([need.weights, need.token], [rest.weights, rest.position]);
  }
});
