import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openSafetensors } from "../../src/formats/checkpoint/safetensors.js";
import { TensorReader } from "../../src/formats/tensor/tensor-reader.js";
import { safetensors, withHeader } from "../model/hugging-face-folder.js";

const folder = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(folder, { recursive: true }));

function file(content: string | Uint8Array): string {
  const path = join(folder, "model.safetensors");
  writeFileSync(path, content);
  return path;
}

function refuses(content: string | Uint8Array, message: RegExp): void {
  const path = file(content);
  assert.throws(() => openSafetensors(path), { name: "LlamaError", kind: "model", message });
}

const entry = (dtype: string, shape: unknown, begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});
const withEntries = (entries: object, dataBytes: number) =>
  withHeader(JSON.stringify(entries), new Uint8Array(dataBytes));

test("describes tensors so that they can be read", () => {
  const floats = Float32Array.of(1, 2, 3, 4, 5, 6);
  const tensors = [
    { name: "b", shape: [2, 3], data: new Uint8Array(floats.buffer) },
    { name: "a", shape: [0], data: new Uint8Array() },
    { name: "scalar", shape: [], data: new Uint8Array(floats.buffer, 8, 4) },
  ];
  const path = file(safetensors("F32", tensors));
  const entries = openSafetensors(path);
  assert.deepEqual(
    entries.map(({ name, dtype, shape, strides }) => [name, dtype, shape, strides]),
    [
      ["b", "fp32", [2, 3], [3, 1]],
      ["a", "fp32", [0], [0]],
      ["scalar", "fp32", [], []],
    ],
  );
  const out = new Float32Array(4);
  const reader = new TensorReader();
  reader.readRegion(entries[0]!, { start: 0, end: 2 }, { start: 1, end: 3 }, out);
  reader.close();
  assert.deepEqual([...out], [2, 3, 5, 6]);
});

test("knows the element types", () => {
  for (const [stored, dtype, size] of [
    ["F16", "fp16", 2],
    ["BF16", "bf16", 2],
    ["F32", "fp32", 4],
    ["F64", "fp64", 8],
  ] as const) {
    assert.equal(openSafetensors(file(withEntries({ a: entry(stored, [3], 0, 3 * size) }, 3 * size)))[0]!.dtype, dtype);
  }
  refuses(withEntries({ a: entry("F8_E4M3", [3], 0, 3) }, 3), /a: unsupported dtype; .*found F8_E4M3/);
  refuses(withEntries({ a: { shape: [3], data_offsets: [0, 3] } }, 3), /unsupported dtype/);
});

test("rejects a header that is truncated or missing", () => {
  refuses("", /is empty/);
  refuses("abc", /is not a safetensors file but text/);
  refuses(withHeader("{}", undefined, 1e9), /ends within its header; expected a header of 1000000000 bytes, found 2/);
  refuses(withHeader("{}", undefined, 2 ** 60), /ends within its header/);
  refuses(withHeader("{oops"), /header is not JSON/);
  refuses(withHeader("[]"), /is not a safetensors file/);
  refuses(withHeader(`${"{".repeat(100_000)}`), /header is not JSON/);
  refuses(
    Buffer.alloc(17 * 2 ** 20, 0x20).fill(withHeader("{", undefined, 16 * 2 ** 20 + 1), 0, 9),
    /header is too long/,
  );
  refuses("PK\x03\x04 and so on", /is not a safetensors file/);
  refuses("<!DOCTYPE html><html>", /is not a safetensors file but a web page/);
});

test("rejects invalid descriptions of tensors", () => {
  const deep = `{"a": ${"[".repeat(50_000)}${"]".repeat(50_000)}}`;
  refuses(withHeader(deep), /a: has no description/);
  refuses(withEntries({ a: null }, 0), /a: has no description.*found null/);
  refuses(withEntries({ a: entry("F16", "3", 0, 6) }, 6), /a: has no shape/);
  refuses(withEntries({ a: entry("F16", [-3], 0, 6) }, 6), /a: has no shape/);
  refuses(withEntries({ a: entry("F16", [1.5], 0, 6) }, 6), /a: has no shape/);
  refuses(withEntries({ a: { dtype: "F16", shape: [3], data_offsets: [0] } }, 6), /a: has no data_offsets/);
  refuses(withEntries({ a: entry("F16", [3], 0, 4) }, 4), /a: number of bytes does not match the shape/);
  refuses(withEntries({ a: entry("F16", [1e6, 1e6, 1e6, 1e6], 0, 4) }, 4), /a: number of bytes does not match/);
  refuses(withEntries({ "a\nb": entry("F16", [2], 0, 4) }, 4), /not a valid tensor name/);
  refuses(withEntries({ ["x".repeat(300)]: entry("F16", [2], 0, 4) }, 4), /not a valid tensor name/);
});

test("rejects tensors outside the file, overlapping tensors, and gaps", () => {
  refuses(withEntries({ a: entry("F16", [16], 0, 32) }, 10), /a: tensor is outside the file.*10 bytes.*0 to 32/);
  refuses(withEntries({ a: entry("F16", [0], 4, 2) }, 10), /a: tensor is outside the file/);
  const overlap = { a: entry("F16", [2], 0, 4), b: entry("F16", [2], 2, 6) };
  refuses(withEntries(overlap, 6), /b: overlaps the tensor before it; expected offset 4, found 2/);
  const gap = { a: entry("F16", [2], 0, 4), b: entry("F16", [2], 6, 10) };
  refuses(withEntries(gap, 10), /b: does not follow/);
  refuses(withEntries({ a: entry("F16", [2], 0, 4) }, 5), /is longer than its tensors/);
});
