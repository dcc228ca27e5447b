#!/usr/bin/env node
/**
 * Measures the quality of quantised weights on a text: KL divergence of each position's distribution from that of fp32
 * (mean and 99th percentile), how often the most likely token is the same, and perplexity. "weights" rows compute in fp32
 * with weights that were quantised and dequantised: by the project's search, and by plain rounding with scale = largest / 7.
 *   node bench/quality.js --text FILE [--ckpt_dir DIR] [--tokenizer_path FILE] [--tokens 8192] [--nproc_per_node 1]
 */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Engine } from "../dist/src/engine/engine.js";
import { MATRICES, quantFormat } from "../dist/src/model/architecture/matrices.js";
import { quantizedSize, quantizeRows } from "../dist/src/model/architecture/quantize.js";
import { tensorTable } from "../dist/src/model/architecture/tensor-table.js";
import { openCheckpoint } from "../dist/src/model/checkpoint/checkpoint.js";
import { openWeights } from "../dist/src/model/checkpoint/weight-source.js";
import { loadTokenizer } from "../dist/src/tokenizer/loading/open-tokenizer.js";

const WINDOW = 256;
const { values: options } = parseArgs({
  options: {
    text: { type: "string" },
    ckpt_dir: { type: "string", default: fileURLToPath(new URL("../models/demo", import.meta.url)) },
    tokenizer_path: { type: "string" },
    tokens: { type: "string", default: "8192" },
    nproc_per_node: { type: "string", default: "1" },
  },
});
const tokenizer = await loadTokenizer(options.tokenizer_path ?? join(options.ckpt_dir, "tokenizer.model"));
const vocab = tokenizer.vocabSize;
/** Texts of the file, separated by <|endoftext|> and encoded with BOS and EOS, divided into windows. */
const windows = [];
let count = 0;
for (const text of readFileSync(options.text, "utf8").split("<|endoftext|>")) {
  const ids = tokenizer.encode(text.trim(), { bos: true, eos: true });
  for (let at = 0; at + 1 < ids.length && count < Number(options.tokens); at += WINDOW) {
    windows.push(ids.slice(at, at + WINDOW + 1));
    count += windows.at(-1).length - 1;
  }
}

/** Log softmax of one row, in double precision. */
function logSoftmax(row) {
  let max = Number.NEGATIVE_INFINITY;
  for (const logit of row) if (logit > max) max = logit;
  let sum = 0;
  for (const logit of row) sum += Math.exp(logit - max);
  const shift = max + Math.log(sum);
  return Float64Array.from(row, (logit) => logit - shift);
}

/** The checkpoint with every matrix except the embedding quantised in the blocks of int4 and dequantised, in a file of floats. */
function requantized(checkpoint, file, quantize) {
  const source = openWeights(checkpoint);
  const descriptor = openSync(file, "w");
  const tensors = new Map(checkpoint.tensors);
  let offset = 0;
  for (const matrix of Object.values(MATRICES)) {
    for (const { name, kind } of tensorTable(checkpoint.config)) {
      if (!matrix.tensors.includes(kind)) continue;
      const tensor = checkpoint.tensors.get(name);
      const [height, width] = tensor.shape;
      const values = new Float32Array(height * width);
      source.read(name, { start: 0, end: height }, { start: 0, end: width }, values);
      quantize(values, height, width, quantFormat(matrix, checkpoint.config, "int4"));
      const storage = { file, offset, byteLength: values.byteLength };
      offset += writeSync(descriptor, new Uint8Array(values.buffer));
      const entry = { name, dtype: "fp32", shape: [height, width], strides: [width, 1], storageOffset: 0, storage };
      tensors.set(name, { ...tensor, axis: null, pieces: [{ start: 0, end: height, entry }] });
    }
  }
  closeSync(descriptor);
  source.close();
  return { ...checkpoint, tensors };
}

function searched(values, height, width, format) {
  const { packedBytes, scaleCount, blocks } = quantizedSize(height, width, format);
  const [packed, scales] = [new Uint8Array(packedBytes), new Float32Array(scaleCount)];
  quantizeRows(values, height, width, format, packed, scales);
  const { bits, blockSize } = format;
  for (let i = 0; i < values.length; i++) {
    const [row, column] = [Math.floor(i / width), i % width];
    const at = row * blocks * blockSize + column;
    const q = bits === 8 ? packed[at] - 128 : ((packed[at >> 1] >> (4 * (at & 1))) & 15) - 8;
    values[i] = q * scales[row * blocks + Math.floor(column / blockSize)];
  }
}

function rounded(values, height, width, { bits, blockSize }) {
  for (let row = 0; row < height; row++) {
    for (let start = 0; start < width; start += blockSize) {
      const block = values.subarray(row * width + start, row * width + Math.min(start + blockSize, width));
      const scale = block.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) / (2 ** (bits - 1) - 1);
      for (let i = 0; i < block.length; i++) block[i] = scale === 0 ? 0 : Math.round(block[i] / scale) * scale;
    }
  }
}

async function* rows(checkpoint, dtype) {
  const worldSize = Number(options.nproc_per_node);
  const engine = await Engine.start(checkpoint, { worldSize, dtype, maxSeqLen: WINDOW + 1 });
  try {
    for (const tokens of windows) {
      const sequence = engine.newSequence();
      const [logits] = await engine.forward([{ sequence, position: 0, tokens: tokens.slice(0, -1), logits: "all" }]);
      engine.release(sequence);
      for (let i = 0; i + 1 < tokens.length; i++) {
        yield { next: tokens[i + 1], row: logSoftmax(logits.subarray(i * vocab, (i + 1) * vocab)) };
      }
    }
  } finally {
    await engine.close();
  }
}

console.log(`${options.ckpt_dir}, ${count} tokens`);
console.log("                        KL mean     KL p99      same top   perplexity");
const folder = mkdtempSync(join(tmpdir(), "llama-ts-quality-"));
const checkpoint = openCheckpoint(options.ckpt_dir, vocab);
const cases = [
  ["fp32", checkpoint, "fp32"],
  ["int8", checkpoint, "int8"],
  ["int4", checkpoint, "int4"],
  ["int4 weights", requantized(checkpoint, join(folder, "searched"), searched), "fp32"],
  ["int4 weights, rounded", requantized(checkpoint, join(folder, "rounded"), rounded), "fp32"],
];
for (const [label, model, dtype] of cases) {
  const [divergences, exact] = [[], rows(checkpoint, "fp32")];
  let [loss, same] = [0, 0];
  for await (const { next, row } of rows(model, dtype)) {
    const { row: full } = (await exact.next()).value;
    let divergence = 0;
    for (let i = 0; i < vocab; i++) divergence += Math.exp(full[i]) * (full[i] - row[i]);
    divergences.push(Math.max(0, divergence));
    loss -= row[next];
    if (row.indexOf(Math.max(...row)) === full.indexOf(Math.max(...full))) same++;
  }
  await exact.return();
  const mean = divergences.reduce((a, b) => a + b) / count;
  const high = divergences.sort((a, b) => a - b)[Math.floor(count * 0.99)];
  const columns = [mean.toExponential(2).padStart(9), high.toExponential(2).padStart(9)];
  const top = ((100 * same) / count).toFixed(2).padStart(6);
  console.log(`${label.padEnd(22)} ${columns.join("   ")}   ${top} %   ${Math.exp(loss / count).toFixed(4)}`);
}
rmSync(folder, { recursive: true });
