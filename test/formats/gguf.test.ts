import assert from "node:assert/strict";
import { test } from "node:test";
import { readGguf } from "../../src/formats/gguf/gguf.js";
import { type GgufTensor, ggufBytes, ggufText, ggufValue } from "./gguf-file.js";
import { readAll, temporaryFile } from "./sample-files.js";

const file = (bytes: Uint8Array) => temporaryFile("model.gguf", bytes);
const refuses = (bytes: Uint8Array, message: RegExp) =>
  assert.throws(() => readGguf(file(bytes)), { name: "LlamaError", kind: "model", message });
const floats = (...numbers: number[]) => new Uint8Array(Float32Array.from(numbers).buffer);
const tensor = (name: string, shape: number[], extra: Partial<GgufTensor> = {}): GgufTensor => {
  const count = Math.min(
    1000,
    shape.reduce((a, b) => a * b, 1),
  );
  return { name, type: "F32", shape, data: floats(...Array.from({ length: count }, (_, i) => i)), ...extra };
};

test("reads values of every type", () => {
  const values: [string, unknown, unknown?][] = [
    ["uint8", { type: "uint8", value: 200 }, 200],
    ["int8", { type: "int8", value: -100 }, -100],
    ["uint16", { type: "uint16", value: 60_000 }, 60_000],
    ["int16", { type: "int16", value: -30_000 }, -30_000],
    ["uint32", 4_000_000_000],
    ["int32", -2_000_000_000],
    ["float32", 0.1, Math.fround(0.1)],
    ["float64", { type: "float64", value: 0.1 }, 0.1],
    ["true", true],
    ["text", 'a "text"\nwith é and \u{1f600}'],
    ["empty", ""],
    ["uint64", { type: "uint64", value: 2n ** 63n }, 2n ** 63n],
    ["safe", { type: "uint64", value: 2n ** 53n - 1n }, 2 ** 53 - 1],
    ["int64", -5n, -5],
    ["low", { type: "int64", value: -(2n ** 63n) }, -(2n ** 63n)],
    ["numbers", [1, 2, 3], Uint32Array.of(1, 2, 3)],
    ["scores", { type: "float32", value: [1, -2.5] }, Float32Array.of(1, -2.5)],
    ["bytes", { type: "uint8", value: [1, 255] }, Uint8Array.of(1, 255)],
    ["tokens", ["a", "", "▁b"]],
    ["booleans", [true, false]],
    ["long", { type: "int64", value: [1n, 2n ** 60n] }, [1, 2n ** 60n]],
    ["nested", [[1], [2, 3]], [Uint32Array.of(1), Uint32Array.of(2, 3)]],
    ["none", [], new Uint32Array()],
  ];
  const pairs = values.map(([key, value]) => [key, value] as const);
  for (const version of [2, 3]) {
    const { metadata, ...rest } = readGguf(file(ggufBytes(pairs, [], { version })));
    assert.equal(rest.version, version);
    for (const [key, value, expected = value] of values) assert.deepEqual(metadata.get(key), expected, key);
  }
});

test("reads a vocabulary that is larger than the window", () => {
  const tokens = Array.from({ length: 60_000 }, (_, i) => `token ${i}`);
  const long = "x".repeat(600_000);
  const scores = tokens.map((_, i) => i + 0.5);
  const { metadata } = readGguf(
    file(
      ggufBytes(
        [
          ["tokens", tokens],
          ["long", long],
          ["scores", { type: "float32", value: scores }],
        ],
        [tensor("a", [2])],
      ),
    ),
  );
  assert.deepEqual(metadata.get("tokens"), tokens);
  assert.equal(metadata.get("long"), long);
  assert.deepEqual(metadata.get("scores"), Float32Array.from(scores));
});

test("describes tensors so that they can be read", () => {
  for (const alignment of [1, 32, 4096]) {
    const metadata: [string, unknown][] = [["general.alignment", alignment]];
    const tensors = [
      tensor("a", [2, 3]),
      tensor("scalar", []),
      tensor("b", [5]),
      tensor("q", [2, 32], { type: "Q8_0", data: new Uint8Array(68) }),
      tensor("other", [2, 256], { type: "IQ2_XXS", data: new Uint8Array(132) }),
    ];
    const { tensors: entries, unreadable } = readGguf(file(ggufBytes(metadata, tensors, { alignment })));
    assert.deepEqual(
      entries.map(({ name, dtype, shape, strides, storage }) => [name, dtype, shape, strides, storage.byteLength]),
      [
        ["a", "fp32", [2, 3], [3, 1], 24],
        ["scalar", "fp32", [], [], 4],
        ["b", "fp32", [5], [1], 20],
        ["q", "Q8_0", [2, 32], [32, 1], 68],
      ],
    );
    assert.deepEqual([...unreadable], [["other", "IQ2_XXS"]]);
    assert.deepEqual([...readAll(entries[0]!)], [0, 1, 2, 3, 4, 5]);
    assert.deepEqual([...readAll(entries[2]!)], [0, 1, 2, 3, 4]);
  }
});

test("refuses other files, versions and byte orders by name", () => {
  refuses(Buffer.alloc(0), /is empty/);
  refuses(Buffer.from("version https://git-lfs.github.com/spec/v1\n"), /a Git LFS pointer/);
  refuses(Buffer.from("<!DOCTYPE html><html>"), /is not a GGUF file but a web page/);
  refuses(Buffer.from("GGUF\x03\0\0\0"), /ends within its header/);
  refuses(ggufBytes([], [], { magic: "tjgg" }), /is not a GGUF file but a GGML file, the format before GGUF/);
  refuses(ggufBytes([], [], { version: 1 }), /unsupported version of GGUF; .*found version 1\. Download or convert/);
  refuses(ggufBytes([], [], { version: 4 }), /unsupported version of GGUF; .*found version 4\. The file needs a newer/);
  refuses(ggufBytes([], [], { version: 0x03000000 }), /is a big-endian GGUF file/);
});

test("refuses counts and lengths that the file cannot have, and allocates nothing for them", () => {
  refuses(ggufBytes([], [], { tensorCount: 2n ** 63n }), /header: number of tensors is too large/);
  refuses(ggufBytes([], [], { keyCount: 2n ** 40n }), /header: number of metadata keys is too large/);
  refuses(ggufBytes([], [], { keyCount: 3 }).subarray(0, 24), /metadata key 1 of 3: file ends within its header/);
  refuses(ggufBytes([], [], { tensorCount: 3 }).subarray(0, 24), /tensor 1 of 3: file ends within its header/);
  const value = (bytes: Buffer) => {
    const head = ggufBytes([], [], { keyCount: 1 }).subarray(0, 24);
    return Buffer.concat([head, ggufText("k"), bytes, Buffer.alloc(64)]);
  };
  const uint64 = (number: bigint) => ggufValue({ type: "uint64", value: number }).subarray(4);
  const uint32 = (number: number) => ggufValue({ type: "uint32", value: number }).subarray(4);
  refuses(value(Buffer.concat([uint32(8), uint64(2n ** 62n)])), /k: length of a text is too large/);
  refuses(value(Buffer.concat([uint32(9), uint32(8), uint64(2n ** 50n)])), /k: length of an array is too large/);
  refuses(value(Buffer.concat([uint32(9), uint32(12), uint64(60n)])), /k: file ends within its header/);
  refuses(value(uint32(13)), /k: metadata has a value of an unknown type; expected 0 to 12, found 13/);
  refuses(value(Buffer.concat([uint32(9), uint32(77), uint64(1n)])), /k: metadata has a value of an unknown type/);
  const deep = Array.from({ length: 9 }, () => Buffer.concat([uint32(9), uint64(1n)]));
  refuses(value(Buffer.concat([uint32(9), ...deep])), /k: arrays are nested too deep/);
});

test("refuses bad keys, names, alignments and tensors", () => {
  refuses(ggufBytes([["a\nb", 1]], []), /key is not valid; expected printable text, found "a\\nb"/);
  refuses(
    ggufBytes(
      [
        ["a", 1],
        ["a", 2],
      ],
      [],
    ),
    /a: key occurs twice/,
  );
  for (const alignment of [0, 3, "x", -32]) {
    refuses(ggufBytes([["general.alignment", alignment]], []), /general.alignment: is not an alignment/);
  }
  refuses(ggufBytes([], [tensor("", [2])]), /tensor name is not valid/);
  refuses(ggufBytes([], [tensor("x".repeat(300), [2])]), /tensor name is not valid/);
  refuses(ggufBytes([], [tensor("a", [2]), tensor("a", [2])]), /a: tensor occurs twice/);
  refuses(ggufBytes([], [tensor("a", [1, 1, 1, 1, 1])]), /a: tensor has too many axes; expected at most 4, found 5/);
  refuses(ggufBytes([], [tensor("a", [2], { offset: 4 })]), /a: offset is not aligned; expected a multiple of 32/);
  refuses(ggufBytes([], [tensor("a", [2], { offset: 64 })]), /a: tensor is outside the file; expected 8 bytes at/);
  refuses(ggufBytes([], [tensor("a", [100], { data: floats(1) })]), /a: tensor is outside the file/);
  refuses(ggufBytes([], [tensor("a", [2 ** 50], { data: floats(1) })]), /a: size of an axis is too large/);
  refuses(ggufBytes([], [tensor("a", [900, 900, 900, 900], { data: floats(1) })]), /a: tensor is outside the file/);
  refuses(ggufBytes([], [tensor("a", [2]), tensor("b", [2], { offset: 0 })]), /b: overlaps a; expected offset/);
  const odd = tensor("a", [2, 48], { type: "Q8_0", data: new Uint8Array(102) });
  refuses(ggufBytes([], [odd]), /a: rows are no whole blocks of Q8_0; expected rows of a multiple of 32.*\[2, 48\]/);
});
