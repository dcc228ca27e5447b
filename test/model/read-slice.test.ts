import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Range } from "../../src/formats/tensor/range.js";
import { TensorReader } from "../../src/formats/tensor/tensor-reader.js";
import { type ModelTensor, openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { readSlice } from "../../src/model/checkpoint/read-slice.js";
import { demo, fixture, shared, withoutShared } from "../folders.js";

const reader = new TensorReader();
after(() => reader.close());

/** Numbers in [0, 1) that are the same in every run. */
function randomNumbers(seed: number) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function shapeOf({ shape }: ModelTensor): [number, number] {
  return shape.length === 1 ? [1, shape[0]!] : [shape[0]!, shape[1]!];
}

function readWhole(tensor: ModelTensor): Float32Array {
  const [height, width] = shapeOf(tensor);
  const out = new Float32Array(height * width);
  readSlice(reader, tensor, { start: 0, end: height }, { start: 0, end: width }, out);
  return out;
}

function sameModels(left: string, right: string, vocabSize: number) {
  const one = openCheckpoint(left, vocabSize);
  const two = openCheckpoint(right, vocabSize);
  for (const [name, tensor] of one.tensors) {
    const whole = readWhole(tensor);
    assert.ok(whole.some((value) => value !== 0));
    assert.deepEqual(readWhole(two.tensors.get(name)!), whole, name);
  }
}

describe("readSlice", () => {
  it("reads the same tensors from one file and from two", () => {
    sameModels(demo, join(demo, "mp2"), 2048);
    sameModels(fixture("odd/base-valid"), fixture("odd/mp2"), 512);
    sameModels(fixture("llama1mini-fp16-mp1"), fixture("llama1mini-fp16-mp2"), 512);
    sameModels(fixture("llama3mini-bf16-mp1"), fixture("llama3mini-bf16-mp2"), 768);
  });

  it("reads the same tensors from one file and from four", { skip: withoutShared }, () => {
    sameModels(shared("ckpt/stories260K-fp32-mp1"), shared("ckpt/stories260K-fp32-mp4"), 512);
  });

  const { tensors } = openCheckpoint(join(demo, "mp2"), 2048);
  const random = randomNumbers(1);
  const anyRange = (size: number): Range => {
    const start = Math.floor(random() * size);
    return { start, end: start + 1 + Math.floor(random() * (size - start)) };
  };
  const parts = ["tok_embeddings", "layers.1.attention.wq", "layers.2.feed_forward.w2", "output", "norm"];

  for (const part of parts) {
    it(`reads any region of ${part}`, () => {
      const tensor = tensors.get(`${part}.weight`)!;
      const [height, width] = shapeOf(tensor);
      const whole = readWhole(tensor);
      for (let round = 0; round < 30; round++) {
        const rows = anyRange(height);
        const columns = anyRange(width);
        const count = columns.end - columns.start;
        const out = new Float32Array((rows.end - rows.start) * count);
        const expected = out.slice();
        for (let row = rows.start; row < rows.end; row++) {
          const from = row * width + columns.start;
          expected.set(whole.subarray(from, from + count), (row - rows.start) * count);
        }
        readSlice(reader, tensor, rows, columns, out);
        assert.deepEqual(out, expected);
      }
    });
  }

  it("throws on a region outside the tensor", () => {
    const tensor = tensors.get("output.weight")!;
    const out = new Float32Array(10);
    assert.throws(() => readSlice(reader, tensor, { start: 2040, end: 2049 }, { start: 0, end: 1 }, out), RangeError);
  });
});
