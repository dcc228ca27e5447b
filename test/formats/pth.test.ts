import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LlamaError } from "../../src/error.js";
import { openPth } from "../../src/formats/checkpoint/pth.js";
import type { StoredTensor } from "../../src/formats/tensor/stored-tensor.js";
import { FIXTURES, makeZip, readAll, sharedPath, temporaryFile } from "./sample-files.js";

const FILE = "consolidated.00.pth";
const numbers = (entries: StoredTensor[]) =>
  new Map(entries.map((entry) => [entry.name, [entry.shape, readAll(entry)]] as const));

const base = numbers(openPth(join(FIXTURES, "odd/base-valid", FILE)));

test("a checkpoint lists its tensors in order", () => {
  const entries = openPth(join(FIXTURES, "odd/base-valid", FILE));
  assert.equal(entries.length, 21);
  const { name, dtype, shape, strides, storageOffset, storage } = entries[0]!;
  assert.deepEqual(
    [name, dtype, shape, strides, storageOffset, storage.byteLength],
    ["tok_embeddings.weight", "fp16", [512, 16], [16, 1], 0, 16384],
  );
  assert.equal(entries.find((entry) => entry.name === "norm.weight")?.shape.length, 1);
});

for (const odd of [
  "cuda-location",
  "deflated",
  "key-order-shuffled",
  "no-version-record",
  "one-shared-storage",
  "torch2-records",
  "zip64",
]) {
  test(`odd/${odd} holds the same tensors`, () => {
    const entries = openPth(join(FIXTURES, "odd", odd, FILE));
    const found = numbers(entries);
    assert.equal(found.size, base.size);
    for (const [name, expected] of base) assert.deepEqual(found.get(name), expected, name);
    if (odd === "deflated") assert.ok(entries.some(({ storage }) => storage.deflatedLength !== undefined));
    if (odd === "one-shared-storage") assert.equal(new Set(entries.map(({ storage }) => storage.offset)).size, 1);
  });
}

test("element types may differ within a file", () => {
  const types = new Set(openPth(join(FIXTURES, "odd/mixed-dtypes", FILE)).map(({ dtype }) => dtype));
  assert.deepEqual([...types].sort(), ["fp16", "fp32"]);
});

for (const file of ["odd-types.bin", "odd-types-legacy.bin"]) {
  test(`values that cannot be read are kept apart: ${file}`, () => {
    const path = join(FIXTURES, file);
    assert.throws(() => openPth(path), { name: "LlamaError", message: /mask: unsupported dtype; .*found BoolStorage/ });
    const unread = new Map<string, LlamaError>();
    const found = numbers(openPth(path, unread));
    assert.deepEqual(found.get("kept"), [[4], new Float32Array([0, 1, 2, 3])]);
    assert.deepEqual(found.get("last"), [[2], new Float32Array([3, 3])]);
    assert.equal(found.size, 2);
    assert.match(unread.get("ids")!.message, /ids: unsupported dtype; .*found LongStorage/);
    assert.match(unread.get("step")!.message, /step: is not a tensor; found the number 7/);
    if (file === "odd-types.bin") assert.match(unread.get("f8")!.message, /found torch\.float8_e4m3fn/);
  });
}

const [zipFile, zipSkip] = sharedPath(`ckpt/stories260K-fp32-mp1/${FILE}`);
const [legacyFile, legacySkip] = sharedPath(`ckpt/stories260K-fp32-mp1-legacy/${FILE}`);
test("the legacy container holds the same tensors as the zip container", { skip: zipSkip || legacySkip }, () => {
  const expected = numbers(openPth(zipFile));
  const found = numbers(openPth(legacyFile));
  assert.deepEqual([...found.keys()].sort(), [...expected.keys()].sort());
  for (const [name, tensor] of expected) assert.deepEqual(found.get(name), tensor, name);
});

test("a truncated legacy file is a readable error", { skip: legacySkip }, () => {
  const bytes = readFileSync(legacyFile);
  for (const length of [1, 14, 20, 100, 4000, 6000, 7000, bytes.length - 1]) {
    const path = temporaryFile("cut.pth", bytes.subarray(0, length));
    assert.throws(() => openPth(path), LlamaError, `${length} bytes`);
  }
});

test("files of other kinds are named in the error", () => {
  const cases: [string, RegExp][] = [
    ["", /is empty/],
    ["P", /not a PyTorch checkpoint/],
    ["PK", /is truncated/],
    ["<!DOCTYPE html><html>", /web page/],
    ["version https://git-lfs.github.com/spec/v1\noid", /Git LFS pointer.*git lfs pull/],
    ['\x80\x20\0\0\0\0\0\0{"__metadata__":', /safetensors/],
    ['\x40\0\0\0\0\0\0\0{"__metadata__":', /safetensors/],
    ["GGUF\x03\0\0\0", /GGUF/],
    ["\0".repeat(64), /zeros.*did not finish/],
    ["not found", /but text/],
    ["\x80\x02}.", /not one that torch\.save wrote/],
    ["\xf3\x01\x02\x03", /found the bytes f3 01 02 03/],
  ];
  for (const [text, pattern] of cases) {
    const path = temporaryFile("x.pth", Buffer.from(text, "latin1"));
    assert.throws(
      () => openPth(path),
      (error) => error instanceof LlamaError && error.kind === "model" && pattern.test(error.message),
    );
  }
  assert.throws(() => openPth(join(FIXTURES, "missing.pth")), LlamaError);
});

test("a key that is not a tensor name and a missing storage are errors", () => {
  const storage = "(X\x07\0\0\0storagectorch\nHalfStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x01tQ";
  const tensor = `ctorch._utils\n_rebuild_tensor_v2\n(${storage}K\x00))\x89}tR`;
  const open = (key: string, files: Record<string, Uint8Array>) => {
    const pickle = Buffer.from(`}${key}${tensor}s.`, "latin1");
    return openPth(temporaryFile("x.pth", makeZip({ "any name/data.pkl": pickle, ...files })));
  };
  const data = { "any name/data/0": Buffer.of(0, 0x3c) };
  const [entry] = open("X\x01\0\0\0w", data);
  assert.deepEqual([entry!.shape, [...readAll(entry!)]], [[], [1]]);
  assert.throws(() => open("K\x05", data), /not a valid tensor name; found the number 5/);
  assert.throws(() => open("X\x02\0\0\0a\n", data), /not a valid tensor name; found "a\\n"/);
  assert.throws(() => open("X\x01\0\0\0w", {}), /storage 0 is missing/);
});

interface Case {
  name: string;
  outcome: string;
}
const [casesFile, casesSkip] = sharedPath("bad/cases.json");
/** Valid as files; a later layer checks whether they make a model. */
const SOUND = [
  "proto-pollution",
  "extra",
  "inf",
  "nan",
  "missing-output",
  "overlapping-keys",
  "size-bomb",
  "transposed",
  "zero-dim",
];

test("hostile checkpoints are a readable error at once", { skip: casesSkip }, async (context) => {
  const cases = JSON.parse(readFileSync(casesFile, "utf8")) as Case[];
  for (const { name, outcome } of cases.filter((item) => /^bad\/(pickle|pth|tensor)-/.test(item.name))) {
    await context.test(name, () => {
      const [folder] = sharedPath(name);
      const path = join(folder, readdirSync(folder).find((file) => file.endsWith(".pth"))!);
      const sound = outcome !== "error" || SOUND.some((suffix) => name.endsWith(`-${suffix}`));
      try {
        // Small ones only: the size bomb is a view of few numbers that claims to have many.
        for (const entry of openPth(path)) if (entry.shape.reduce((a, b) => a * b, 1) < 1e6) readAll(entry);
        assert.ok(sound, "should have been rejected");
      } catch (error) {
        assert.ok(error instanceof LlamaError, String(error));
        assert.equal(error.kind, "model");
        assert.doesNotMatch(error.message, /\n/);
      }
      assert.ok(!existsSync("/tmp/pwned"), "code from the file has run");
    });
  }
});
