import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readGguf } from "../../src/formats/gguf/gguf.js";
import { READABLE_TYPES } from "../../src/formats/gguf/gguf-types.js";
import { BLOCK_SIZES, type BlockType, isBlockType } from "../../src/formats/tensor/stored-tensor.js";
import { TensorReader } from "../../src/formats/tensor/tensor-reader.js";
import { convertBlocks } from "../../src/formats/tensor/to-float32.js";
import { FIXTURES, readAll } from "./sample-files.js";

// Written by gguf 0.19 (PyPI): random bits with finite scales, many of them 0, -0, subnormal or the largest.
// The hashes are those of gguf.quants.dequantize.
const SAMPLE = join(FIXTURES, "gguf", "every-type.gguf");
const expected: { rows: number; columns: number; sha256: Record<string, string> } = JSON.parse(
  readFileSync(join(FIXTURES, "gguf", "every-type.json"), "utf8"),
);

test("the numbers of every type equal those of the package gguf, bit for bit", () => {
  const { tensors, metadata } = readGguf(SAMPLE);
  assert.equal(metadata.get("general.name"), "every type");
  assert.deepEqual(
    tensors.map(({ name, shape }) => [name, ...shape]).sort(),
    READABLE_TYPES.map((type) => [type, expected.rows, expected.columns]).sort(),
  );
  for (const entry of tensors) {
    const numbers = readAll(entry);
    const hash = createHash("sha256").update(new Uint8Array(numbers.buffer)).digest("hex");
    assert.equal(hash, expected.sha256[entry.name], entry.name);
  }
});

test("any rows and columns of blocks can be read, also from the middle of one to the middle of another", () => {
  const reader = new TensorReader();
  const edges = [0, 1, 15, 16, 31, 32, 33, 200, 255, 256, 257, 480, 511, 512];
  for (const entry of readGguf(SAMPLE).tensors.filter(({ dtype }) => isBlockType(dtype))) {
    const all = readAll(entry);
    const [height, width] = [expected.rows, expected.columns];
    for (const start of edges) {
      for (const end of edges.filter((edge) => edge >= start)) {
        for (const rows of [
          { start: 0, end: height },
          { start: 1, end: 2 },
        ]) {
          const [rowStride, offset] = [end - start + 2, 3];
          const out = new Float32Array(offset + (rows.end - rows.start) * rowStride).fill(7);
          const wanted = out.slice();
          for (let row = rows.start; row < rows.end; row++) {
            const part = all.subarray(row * width + start, row * width + end);
            wanted.set(part, offset + (row - rows.start) * rowStride);
          }
          reader.readRegion(entry, rows, { start, end }, out, offset, rowStride);
          assert.ok(Buffer.from(out.buffer).equals(Buffer.from(wanted.buffer)), `${entry.name} ${start} to ${end}`);
        }
      }
    }
  }
  reader.close();
});

test("a row of blocks that is larger than one read is read in parts", () => {
  const [entry] = readGguf(SAMPLE).tensors.filter(({ name }) => name === "Q6_K");
  // a row of 8 million numbers, which begins inside the file and ends outside
  const width = 256 * 32_768;
  const long = { ...entry!, shape: [1, width], strides: [width, 1] };
  const reader = new TensorReader();
  const read = (end: number) => {
    const out = new Float32Array(end);
    const storage = { ...long.storage, byteLength: 210 * 32_768 };
    reader.readRegion({ ...long, storage }, { start: 0, end: 1 }, { start: 0, end }, out);
    return out;
  };
  assert.deepEqual(read(700), readAll(entry!).subarray(0, 700));
  assert.throws(() => read(width), { name: "LlamaError", message: /ends too early/ });
  reader.close();
});

test("scales that are not finite give numbers that are not", () => {
  for (const [type, { numbers, bytes }] of Object.entries(BLOCK_SIZES) as [BlockType, typeof BLOCK_SIZES.Q8_0][]) {
    const out = new Float32Array(numbers);
    // all bits set: NaN as scale
    convertBlocks(type, new Uint8Array(bytes).fill(255), out, 0);
    assert.ok(
      out.every((value) => Number.isNaN(value)),
      type,
    );
    assert.throws(() => convertBlocks(type, new Uint8Array(bytes - 1), out, 0), RangeError);
    assert.throws(() => convertBlocks(type, new Uint8Array(bytes), out, 1), RangeError);
  }
});
