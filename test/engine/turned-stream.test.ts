/** Tests that the turned residual stream of int8 computes the same function, has smaller errors, and is the same for all ranks. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Engine } from "../../src/engine/engine.js";
import { NotFiniteError } from "../../src/model/architecture/quantize.js";
import { tensorTable } from "../../src/model/architecture/tensor-table.js";
import { normOf, StreamTurn, turnWidth } from "../../src/model/architecture/turned-stream.js";
import { type Checkpoint, openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { openWeights } from "../../src/model/checkpoint/weight-source.js";
import type { ModelConfig } from "../../src/model/config/config.js";
import { fixture } from "../folders.js";
import { maxDifference } from "../max-difference.js";
import { type StoredTensor, writeHfFolder } from "../model/hugging-face-folder.js";
import { type RelativeModel, relatives, writeRelative } from "../model/random-weights.js";

const root = mkdtempSync(join(tmpdir(), "llama-ts-turned-"));
after(() => rmSync(root, { recursive: true }));
const ids = relatives.ids.slice(0, 24);

async function logitsOf(checkpoint: Checkpoint, dtype: "fp32" | "int8", worldSize = 1) {
  const engine = await Engine.start(checkpoint, { worldSize, dtype, maxSeqLen: 32, threadsPerRank: 1 });
  try {
    const request = { sequence: engine.newSequence(), position: 0, tokens: ids, logits: "last" } as const;
    return (await engine.forward([request]))[0]!;
  } finally {
    await engine.close();
  }
}

/** Writes a copy of a model, in fp32, whose numbers `change` has changed in place. */
function copied(
  name: string,
  { config }: RelativeModel,
  checkpoint: Checkpoint,
  change: (
    spec: ReturnType<typeof tensorTable>[number],
    values: Float32Array,
    norm: (name: string) => Float32Array,
  ) => void,
): Checkpoint {
  const source = openWeights(checkpoint);
  const read = (tensor: string) => {
    const { shape } = checkpoint.tensors.get(tensor)!;
    const [height, width] = shape.length === 1 ? [1, shape[0]!] : (shape as [number, number]);
    const values = new Float32Array(height * width);
    source.read(tensor, { start: 0, end: height }, { start: 0, end: width }, values);
    return values;
  };
  const stored = tensorTable(checkpoint.config).map((spec): StoredTensor => {
    const values = read(spec.name);
    change(spec, values, read);
    return { name: spec.hfName, shape: [...spec.shape], data: new Uint8Array(values.buffer) };
  });
  source.close();
  const untied = { ...config, tie_word_embeddings: false };
  return openCheckpoint(writeHfFolder(join(root, name), untied, stored, fixture("own512.model"), 1, "F32"), 512);
}

/** The copy with a turned stream, whose norms have the weight 1. */
function turned(name: string, model: RelativeModel, checkpoint: Checkpoint): Checkpoint {
  const { config } = checkpoint;
  const turn = new StreamTurn(config.dim, turnWidth(config, "int8"));
  return copied(name, model, checkpoint, ({ kind, name: tensor }, values, read) => {
    const [first, second] = kind.axes;
    if (second === undefined) {
      if (first !== "dim") return;
      if (kind.ending === "bias") turn.turnRows(values);
      else values.fill(1);
    } else if (second === "dim") {
      const layer = /^layers\.\d+\./.exec(tensor)?.[0] ?? "";
      turn.turnRows(values, kind.part === "embed" ? undefined : read(`${layer}${normOf(kind.part).meta}.weight`));
    } else turn.turnColumns(values, config.ffnDim * Number(second === "ffn") || config.nHeads * config.headDim, 0);
  });
}

// Biases, windows, norms of heads, a tied output matrix, layers without rotation.
for (const name of ["llama with biases", "qwen2", "qwen3 with windows and biases", "smollm3"]) {
  const model = relatives.models[name]!;
  test(`${name}: in fp32, a model with a turned stream has the same logits`, async () => {
    const checkpoint = openCheckpoint(writeRelative(join(root, name), model), 512);
    assert.ok(turnWidth(checkpoint.config, "int8") >= 16);
    const plain = await logitsOf(checkpoint, "fp32");
    const difference = maxDifference(await logitsOf(turned(`${name} turned`, model, checkpoint), "fp32"), plain);
    assert.ok(difference <= 1e-5 * Math.max(1, ...plain.map(Math.abs)), `logits differ by ${difference}`);
  });
}

test("int8 keeps a model with a few large channels, with any number of ranks", async () => {
  const model = relatives.models["llama with biases"]!;
  const plain = openCheckpoint(writeRelative(join(root, "plain"), model), 512);
  // One channel in a block is large and the same for all tokens, and hardly read, as in trained models.
  const isLarge = (channel: number) => channel % 32 === 5;
  const outliers = copied("outliers", model, plain, ({ kind, shape }, values) => {
    const [first, second] = kind.axes;
    if (second === undefined) return;
    for (let i = 0; i < values.length; i++) {
      const [row, column] = [Math.floor(i / shape[1]!), i % shape[1]!];
      if (kind.part === "embed" && isLarge(column)) values[i] = 20;
      else if (second === "dim" && isLarge(column)) values[i]! *= 0.02;
      else if (first === "dim" && isLarge(row)) values[i] = 0;
    }
  });
  const exact = await logitsOf(outliers, "fp32");
  const size = Math.sqrt(exact.reduce((sum, value) => sum + value * value, 0));
  for (const ranks of [1, 2, 3]) {
    const found = await logitsOf(outliers, "int8", ranks);
    const error = Math.sqrt(found.reduce((sum, value, i) => sum + (value - exact[i]!) ** 2, 0)) / size;
    // Without the turn, 0.045.
    assert.ok(error < 0.035, `${ranks} ranks: ${error}`);
  }
});

test("turned rows and columns have the length they had, and int4 and models without a block are not turned", () => {
  const turn = new StreamTurn(96, 32);
  const values = Float32Array.from({ length: 4 * 96 }, (_, i) => Math.sin(i));
  const length = (numbers: Float32Array) => Math.sqrt(numbers.reduce((sum, value) => sum + value * value, 0));
  const rows = values.slice();
  turn.turnRows(rows);
  for (let row = 0; row < 4; row++) {
    const at = [row * 96, (row + 1) * 96] as const;
    assert.ok(Math.abs(length(rows.subarray(...at)) - length(values.subarray(...at))) < 1e-5);
  }
  // A matrix [96, 4] whose columns are these rows becomes the matrix whose columns are the turned rows.
  const columns = Float32Array.from({ length: values.length }, (_, i) => values[(i % 4) * 96 + Math.floor(i / 4)]!);
  turn.turnColumns(columns, 4, 0);
  const expected = Float32Array.from({ length: values.length }, (_, i) => rows[(i % 4) * 96 + Math.floor(i / 4)]!);
  assert.ok(maxDifference(columns, expected) < 1e-6);
  const bad = values.slice();
  bad[2 * 96 + 40] = Number.NaN;
  const isAt = (row: number, column: number) => (error: unknown) =>
    error instanceof NotFiniteError && error.row === row && error.column === column;
  assert.throws(() => turn.turnRows(bad.slice()), isAt(2, 40));
  assert.throws(() => turn.turnColumns(bad.slice(), 4, 0), isAt(Math.floor((2 * 96 + 40) / 4), 0));
  const config = openCheckpoint(writeRelative(join(root, "any"), Object.values(relatives.models)[0]!), 512).config;
  const widthOf = (dim: number, type: "fp32" | "int8" | "int4") => turnWidth({ ...config, dim } as ModelConfig, type);
  assert.deepEqual([widthOf(4096, "int8"), widthOf(4096, "int4"), widthOf(4096, "fp32")], [512, 0, 0]);
  assert.deepEqual([widthOf(576, "int8"), widthOf(1000, "int8")], [64, 0]);
  const stored = { "feed_forward.w2": { bits: 8, hasOffsets: false } } as const;
  assert.equal(turnWidth({ ...config, dim: 4096, ffnDim: 8192, storedBlocks: stored }, "int8"), 0);
});
