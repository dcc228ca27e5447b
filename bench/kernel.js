#!/usr/bin/env node
/**
 * Measures the kernel that decode and prefill of int8 and int4 depend on: MatMulNBits with int8 activations on random
 * weights, by bits and block size. One row with weights in memory (six matrices, more than the processor caches) and in the
 * cache (one small matrix), and more rows. The rate in the cache limits decode if memory is faster.
 *   node bench/kernel.js [--threads N] [--blocks 32,128,256]
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { writeOnnx } from "../dist/src/formats/protobuf/onnx-writer.js";

const { values } = parseArgs({ options: { threads: { type: "string" }, blocks: { type: "string" } } });
const threads = Number(values.threads ?? availableParallelism());
const blocks = (values.blocks ?? "32,128,256").split(",").map(Number);
const [OUT, IN, MATRICES] = [11008, 4096, 6];
const SMALL_OUT = 1024;
const ROWS = [2, 4, 8, 16, 128, 256];
const TRIALS = 9;

async function linear(bits, block, rows) {
  const packed = new Uint8Array((rows * IN * bits) / 8);
  // Every matrix has different bytes: the runtime stores equal constants once.
  for (let i = 0; i < packed.length; i++) packed[i] = Math.random() * 256;
  const scales = new Float32Array((rows * IN) / block).fill(0.01);
  const constant = (name, type, shape, data, offset) => {
    return { name, type, shape, data: { file: "w", offset, length: data.byteLength } };
  };
  const model = writeOnnx({
    name: "linear",
    opsets: { "": 24, "com.microsoft": 1 },
    nodes: [
      {
        op: "MatMulNBits",
        domain: "com.microsoft",
        inputs: ["x", "packed", "scales"],
        outputs: ["y"],
        attributes: { K: IN, N: rows, bits, block_size: block, accuracy_level: 4 },
      },
    ],
    inputs: [{ name: "x", type: "float32", shape: ["rows", IN] }],
    outputs: [{ name: "y", type: "float32", shape: ["rows", rows] }],
    initializers: [
      constant("packed", "uint8", [rows, IN / block, (block * bits) / 8], packed, 0),
      constant("scales", "float32", [rows, IN / block], scales, packed.byteLength),
    ],
  });
  return InferenceSession.create(model, {
    intraOpNumThreads: threads,
    logSeverityLevel: 3,
    extra: { session: { force_spinning_stop: "1" } },
    externalData: [{ path: "w", data: Buffer.concat([packed, new Uint8Array(scales.buffer)]) }],
  });
}

/** Median seconds of one run of one session. */
async function time(sessions, rows, repeats) {
  const x = new Tensor("float32", Float32Array.from({ length: rows * IN }, Math.sin), [rows, IN]);
  const times = [];
  for (let trial = 0; trial < TRIALS; trial++) {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) for (const session of sessions) await session.run({ x });
    times.push((performance.now() - start) / 1000 / repeats / sessions.length);
  }
  return times.sort((a, b) => a - b)[TRIALS >> 1];
}

console.log(`${OUT} x ${IN}, ${threads} thread(s); medians of ${TRIALS}`);
for (const bits of [8, 4]) {
  for (const block of blocks) {
    const bytes = (bits / 8 + 4 / block) * IN;
    const small = await linear(bits, block, SMALL_OUT);
    const cached = (bytes * SMALL_OUT) / (await time([small], 1, 200));
    await small.release();
    const large = [];
    for (let i = 0; i < MATRICES; i++) large.push(await linear(bits, block, OUT));
    const one = await time(large, 1, 1);
    const line = [`int${bits} block ${block}`.padEnd(14)];
    line.push(`1 row ${((bytes * OUT) / one / 1e9).toFixed(1)} GB/s, in cache ${(cached / 1e9).toFixed(1)}`);
    const others = [];
    for (const rows of ROWS) {
      const seconds = await time(large, rows, 1);
      const gflops = (2 * rows * OUT * IN) / seconds / 1e9;
      others.push(rows < 32 ? `${rows}: ${(seconds / one).toFixed(2)} x` : `${rows}: ${gflops.toFixed(0)} GFLOP/s`);
    }
    console.log(`${line.join(" ")}; rows ${others.join(", ")}`);
    for (const session of large) await session.release();
  }
}
