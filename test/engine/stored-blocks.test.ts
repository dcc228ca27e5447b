/** Tests that blocks of GGUF files reach the runtime as they are: the same integers and scales, however ranks divide them. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { readGguf } from "../../src/formats/gguf/gguf.js";
import { TensorReader } from "../../src/formats/tensor/tensor-reader.js";
import { Llama } from "../../src/index.js";
import { MATRICES } from "../../src/model/architecture/matrices.js";
import { NotFiniteError } from "../../src/model/architecture/quantize.js";
import { quantFormat, storedMatrices, storedType } from "../../src/model/architecture/recipe.js";
import { type PackedBlocks, packStored, storedFormat } from "../../src/model/architecture/stored-blocks.js";
import { openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { openWeights } from "../../src/model/checkpoint/weight-source.js";
import { fixture } from "../folders.js";
import { ggufModel, ggufTensor, type WrittenType, writeGgufFolder } from "../model/gguf-model.js";
import { randomWeights, relatives, writeRelative } from "../model/random-weights.js";

const root = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(root, { recursive: true }));
// Heads of 32 and a feed-forward width of 512: ranks divide columns between blocks.
const small = relatives.models.qwen3!;
const wide = Object.entries(small.tensors).map(([name, shape]) => [name, shape.map((n) => (n === 160 ? 512 : n))]);
const config = { ...small.config, intermediate_size: 512 };
const hf = writeRelative(join(root, "hf"), { ...small, config, tensors: Object.fromEntries(wide) });
const ids = relatives.ids.slice(0, 20);

function folder(name: string, type: WrittenType, others: Record<string, WrittenType> = {}): string {
  const model = ggufModel(hf, 512, type, "qwen3");
  model.tensors = model.tensors.map((tensor) => {
    const changed = Object.entries(others).find(([pattern]) => new RegExp(pattern).test(tensor.name))?.[1];
    return changed ? ggufTensor(tensor.name, tensor.shape, randomWeights(tensor.name, tensor.shape), changed) : tensor;
  });
  return writeGgufFolder(join(root, name), model, fixture("own512.model"));
}

async function logitsOf(ckptDir: string, dtype: "auto" | "fp32" | "int8", nprocPerNode: number) {
  const llama = await Llama.build({ ckptDir, dtype, nprocPerNode, threadsPerRank: 1, maxSeqLen: 64, cacheDir: null });
  try {
    return { dtype: llama.dtype, logits: await llama.logits(ids) };
  } finally {
    await llama.close();
  }
}

function rootMeanSquare(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

function emptyBlocks(count: number, bits: 4 | 8, hasOffsets: boolean): PackedBlocks {
  const floats = () => new Float32Array(count / 32).fill(Number.NaN);
  return { packed: new Uint8Array((count * bits) / 8), scales: floats(), offsets: hasOffsets ? floats() : null };
}

/** Offsets are rounded to float32 once. */
function checkNumbers({ packed, scales, offsets }: PackedBlocks, bits: 4 | 8, expected: Float32Array, what: string) {
  for (const [i, number] of expected.entries()) {
    const q = bits === 8 ? packed[i]! - 128 : ((packed[i >> 1]! >> (4 * (i & 1))) & 15) - 8;
    const [scale, offset] = [scales[i >> 5]!, offsets?.[i >> 5] ?? 0];
    const tolerance = offsets === null ? 0 : 2 ** -23 * Math.max(Math.abs(offset), Math.abs(number));
    assert.ok(
      Math.abs(q * scale + offset - number) <= tolerance,
      `${what}, ${i}: ${q} * ${scale} + ${offset}, ${number}`,
    );
  }
}

describe("blocks of a GGUF file", () => {
  for (const [type, dtype] of [
    ["Q8_0", "int8"],
    ["Q4_0", "int4"],
    ["Q4_1", "int4"],
  ] as const) {
    const dir = folder(type, type);

    test(`of ${type} are packed so that each weight is the same number`, () => {
      const checkpoint = openCheckpoint(dir, 512);
      const source = openWeights(checkpoint);
      for (const [name, { shape }] of checkpoint.tensors) {
        if (shape.length === 1) continue;
        const rows = { start: 3, end: 41 };
        const columns = { start: 32, end: shape[1]! - 32 };
        const expected = new Float32Array(38 * (columns.end - columns.start));
        source.read(name, rows, columns, expected);
        for (const bits of type === "Q8_0" ? ([8] as const) : ([4, 8] as const)) {
          const target = emptyBlocks(expected.length, bits, type === "Q4_1");
          source.readStored(name, rows, columns, bits, target);
          checkNumbers(target, bits, expected, `${name} in ${bits} bits`);
        }
      }
      source.close();
    });

    test(`of ${type} are chosen by "auto", and give the same text with any number of ranks`, async () => {
      assert.equal(storedType(openCheckpoint(dir, 512).config), dtype);
      const exact = (await logitsOf(dir, "fp32", 1)).logits;
      for (const ranks of [1, 2, 3]) {
        const { dtype: chosen, logits } = await logitsOf(dir, "auto", ranks);
        assert.equal(chosen, dtype);
        // What is left is the rounding of activations.
        const error = rootMeanSquare(logits.map((value, i) => value - exact[i]!)) / rootMeanSquare(exact);
        assert.ok(error < 0.05, `${ranks} ranks: ${error}`);
      }
    });
  }

  test("of every type of 32 numbers are packed so that each weight is the same number", () => {
    const reader = new TensorReader();
    let types = 0;
    for (const entry of readGguf(fixture("gguf/every-type.gguf")).tensors) {
      const format = storedFormat([entry.dtype]);
      if (format === null) continue;
      types++;
      const [rows, columns] = [
        { start: 0, end: 3 },
        { start: 0, end: 512 },
      ];
      const expected = new Float32Array(3 * 512);
      reader.readRegion(entry, rows, columns, expected);
      const target = emptyBlocks(expected.length, format.bits, format.hasOffsets);
      reader.readBlocks(entry, rows, columns, (bytes, row, column) => {
        packStored(entry.dtype, bytes, format.bits, target, (row * 512 + column) / 32);
      });
      checkNumbers(target, format.bits, expected, entry.name);
    }
    reader.close();
    assert.equal(types, 6);
    assert.deepEqual(storedFormat(["Q4_1", "Q8_0"]), { bits: 8, hasOffsets: true });
    assert.equal(storedFormat(["Q8_0", "Q6_K"]), null);
  });

  test("of several types have the bits of the largest; other types are quantised", () => {
    const open = (dir: string) => openCheckpoint(dir, 512).config;
    const mixed = open(folder("mixed", "Q4_0", { attn_v: "Q8_0", "^output.weight": "F16" }));
    assert.deepEqual(mixed.storedBlocks, {
      "attention.wqkv": { bits: 8, hasOffsets: false },
      "attention.wo": { bits: 4, hasOffsets: false },
      "feed_forward.w13": { bits: 4, hasOffsets: false },
      "feed_forward.w2": { bits: 4, hasOffsets: false },
    });
    // In int4, a stack with 8 bits would be quantised: int8 keeps all.
    assert.deepEqual([storedType(mixed), storedMatrices(mixed, "int4").length], ["int8", 3]);
    assert.deepEqual(quantFormat(MATRICES.wqkv, 0, mixed, "int8"), { bits: 8, blockSize: 32, isStored: true });
    // 96 columns are whole blocks of 32.
    assert.deepEqual(quantFormat(MATRICES.wqkv, 0, mixed, "int4"), { bits: 4, blockSize: 32 });
    const oneLayer = open(folder("one layer", "Q8_0", { "blk\\.1\\.ffn_down": "F16" }));
    assert.equal(oneLayer.storedBlocks!["feed_forward.w2"], undefined);
    assert.equal(storedType(oneLayer), null);
    // Ranks would divide blocks of 32 if heads have 16 columns.
    const narrow = { ...oneLayer, headDim: 16 };
    assert.equal(quantFormat(MATRICES.wo, 0, narrow, "int8").isStored, undefined);
    assert.equal(open(hf).storedBlocks, undefined);
  });

  test("with a scale that is not finite are refused with their place", async () => {
    const bytes = new Uint8Array(2 * 34);
    bytes.set([0xff, 0x7f], 34);
    const pack = () =>
      packStored("Q8_0", bytes, 8, { packed: new Uint8Array(64), scales: new Float32Array(2), offsets: null }, 0);
    assert.throws(pack, (error) => error instanceof NotFiniteError && error.column === 32);
    const model = ggufModel(hf, 512, "Q8_0", "qwen3");
    const tensor = model.tensors.find(({ name }) => name === "blk.2.ffn_down.weight")!;
    // row 7 has 16 blocks; its third
    tensor.data.set([0x00, 0x7c], (7 * 16 + 2) * 34);
    const dir = writeGgufFolder(join(root, "infinite"), model, fixture("own512.model"));
    for (const ranks of [1, 2]) {
      await assert.rejects(logitsOf(dir, "auto", ranks), /layers\.2\.feed_forward\.w2\.weight.*row 7, column 64/);
    }
  });
});
