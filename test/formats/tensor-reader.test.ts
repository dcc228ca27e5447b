import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { LlamaError } from "../../src/error.js";
import { openFile } from "../../src/formats/files/byte-source.js";
import type { StoredTensor } from "../../src/formats/tensor/stored-tensor.js";
import { TensorReader } from "../../src/formats/tensor/tensor-reader.js";
import { temporaryFile } from "./sample-files.js";

/** A tensor over the numbers 0, 1, 2, ... with some bytes before them. */
function countingTensor(numel: number, shape: number[], strides: number[], storageOffset = 0): StoredTensor {
  const bytes = new Uint8Array(Float32Array.from({ length: numel + 1 }, (_, index) => index - 1).buffer);
  const storage = { file: temporaryFile("numbers", bytes), offset: 4, byteLength: numel * 4 };
  return { name: "t", dtype: "fp32", shape, strides, storageOffset, storage };
}

function checkRegion(entry: StoredTensor, rows: [number, number], columns: [number, number]): void {
  const reader = new TensorReader();
  const [height, width] = [rows[1] - rows[0], columns[1] - columns[0]];
  const [rowStride, columnStride] = [entry.strides.at(-2) ?? 0, entry.strides.at(-1)!];
  const pitch = width + 3;
  const out = new Float32Array(2 + height * pitch).fill(-7);
  const expected = out.slice();
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      expected[2 + row * pitch + column] =
        entry.storageOffset + (rows[0] + row) * rowStride + (columns[0] + column) * columnStride;
    }
  }
  const [r, c] = [
    { start: rows[0], end: rows[1] },
    { start: columns[0], end: columns[1] },
  ];
  reader.readRegion(entry, r, c, out, 2, pitch);
  assert.ok(Buffer.from(out.buffer).equals(Buffer.from(expected.buffer)));
  reader.close();
}

test("reads all rows, some rows and some columns of contiguous tensors, narrow and wide", () => {
  const small = countingTensor(60, [6, 10], [10, 1]);
  checkRegion(small, [0, 6], [0, 10]);
  checkRegion(small, [2, 5], [0, 10]);
  checkRegion(small, [1, 6], [3, 8]);
  checkRegion(small, [5, 6], [9, 10]);
  checkRegion(small, [3, 3], [0, 10]);
  checkRegion(countingTensor(50, [4, 10], [11, 1], 3), [1, 4], [2, 10]);
  checkRegion(countingTensor(7, [5], [1], 2), [0, 1], [1, 5]);
  const large = countingTensor(3_000_000, [1000, 3000], [3000, 1]);
  checkRegion(large, [0, 1000], [0, 3000]);
  checkRegion(large, [10, 1000], [5, 2500]);
  checkRegion(large, [0, 1000], [100, 110]);
  checkRegion(countingTensor(3_000_000, [2, 1_500_000], [1_500_000, 1]), [0, 2], [1, 1_400_000]);
});

test("reads transposed, strided, expanded and one-column tensors", () => {
  checkRegion(countingTensor(60, [6, 10], [1, 6]), [1, 6], [2, 9]);
  checkRegion(countingTensor(60, [3, 5], [20, 2], 1), [0, 3], [0, 5]);
  checkRegion(countingTensor(10, [4, 10], [0, 1]), [0, 4], [3, 10]);
  checkRegion(countingTensor(10, [10, 4], [1, 0]), [0, 10], [0, 4]);
  checkRegion(countingTensor(10, [6, 4], [1, 1]), [0, 6], [0, 4]);
  checkRegion(countingTensor(9, [5], [2]), [0, 1], [1, 5]);
  checkRegion(countingTensor(60, [6, 10], [10, 1]), [0, 6], [4, 5]);
  checkRegion(countingTensor(2_400_000, [1200, 2000], [1, 1200]), [3, 1200], [1, 2000]);
  checkRegion(countingTensor(2_400_001, [3, 1_200_000], [1, 2]), [0, 2], [5, 1_199_000]);
});

test("of wide rows, only the requested bytes are read; each read is reported", () => {
  const entry = countingTensor(40_000, [4, 10_000], [10_000, 1]);
  const reads: number[] = [];
  const reader = new TensorReader((bytes) => reads.push(bytes));
  reader.readRegion(entry, { start: 1, end: 4 }, { start: 0, end: 2000 }, new Float32Array(6000));
  assert.deepEqual(reads, [8000, 8000, 8000]);
  reader.close();
});

test("a deflated storage is inflated once, and only to its declared size", () => {
  const numbers = Float32Array.from({ length: 1000 }, (_, index) => index);
  const deflated = deflateRawSync(new Uint8Array(numbers.buffer));
  const storage = {
    file: temporaryFile("deflated", deflated),
    offset: 0,
    byteLength: 4000,
    deflatedLength: deflated.length,
  };
  const entry: StoredTensor = {
    name: "t",
    dtype: "fp32",
    shape: [10, 50],
    strides: [100, 2],
    storageOffset: 1,
    storage,
  };
  const reads: number[] = [];
  const reader = new TensorReader((bytes) => reads.push(bytes));
  const out = new Float32Array(4);
  reader.readRegion(entry, { start: 8, end: 10 }, { start: 48, end: 50 }, out);
  reader.readRegion(entry, { start: 8, end: 10 }, { start: 48, end: 50 }, out);
  assert.deepEqual([...out], [897, 899, 997, 999]);
  assert.deepEqual(reads, [deflated.length]);
  reader.close();
  const short = { ...entry, storage: { ...storage, byteLength: 3999 } };
  assert.throws(() => reader.readRegion(short, { start: 0, end: 1 }, { start: 0, end: 1 }, out), LlamaError);
  reader.close();
});

test("a file that is too short is a readable error, a region outside the tensor is a bug", () => {
  const entry = countingTensor(10, [2, 5], [5, 1]);
  const cut = { ...entry, shape: [4, 5], storage: { ...entry.storage, byteLength: 80 } };
  const reader = new TensorReader();
  const out = new Float32Array(20);
  const all = { start: 0, end: 5 };
  assert.throws(() => reader.readRegion(cut, { start: 0, end: 4 }, all, out), LlamaError);
  assert.throws(() => reader.readRegion(entry, { start: 0, end: 3 }, all, out), RangeError);
  assert.throws(
    () => reader.readRegion({ ...entry, shape: [1, 2, 5], strides: [10, 5, 1] }, { start: 0, end: 1 }, all, out),
    LlamaError,
  );
  reader.close();
});

test("a file that the system cannot read is a readable error", {
  skip: process.platform !== "linux" && "needs /proc",
}, () => {
  // reading the memory at 0 fails with EIO, like a broken disk
  const file = openFile("/proc/self/mem");
  assert.throws(() => file.readInto(new Uint8Array(1), 0), {
    name: "LlamaError",
    message: /cannot be read: EIO/,
  });
  file.close();
});
