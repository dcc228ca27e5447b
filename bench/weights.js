#!/usr/bin/env node
/**
 * One fp32 linear layer, 11008 x 4096, four times with the weight as a graph input or as a constant that the runtime
 * prepacks: making the session, memory, and time for 1, 2, 8 and 128 rows. docs/decisions.md has the conclusion.
 *   node bench/weights.js
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { writeOnnx } from "../dist/src/formats/protobuf/onnx-writer.js";

const [OUT, IN, LAYERS, RUNS] = [11008, 4096, 4, 7];
const BYTES = OUT * IN * 4;
const threads = availableParallelism();

/** Resident memory of this process in MB. */
function resident() {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1000);
}

function graph(asInput) {
  const weight = { name: "w", type: "float32", shape: [OUT, IN] };
  return writeOnnx({
    name: "linear",
    opsets: { "": 24 },
    nodes: [{ op: "Gemm", inputs: ["x", "w"], outputs: ["y"], attributes: { transB: 1 } }],
    inputs: [{ name: "x", type: "float32", shape: ["rows", IN] }, ...(asInput ? [weight] : [])],
    outputs: [{ name: "y", type: "float32", shape: ["rows", OUT] }],
    initializers: asInput ? [] : [{ ...weight, data: { file: "w", offset: 0, length: BYTES } }],
  });
}

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

async function measure(asInput) {
  console.log(asInput ? "weight as a graph input" : "weight as a prepacked constant");
  const before = resident();
  const layers = [];
  const made = [];
  let highest = 0;
  for (let layer = 0; layer < LAYERS; layer++) {
    // Different numbers a layer: equal constants may be stored once.
    const data = Float32Array.from({ length: OUT * IN }, (_, i) => ((i * 7919 + layer * 13) % 1000) / 1e5 - 0.005);
    const options = {
      intraOpNumThreads: threads,
      logSeverityLevel: 3,
      extra: { session: { force_spinning_stop: "1" } },
    };
    if (!asInput) options.externalData = [{ path: "w", data: Buffer.from(data.buffer) }];
    const start = performance.now();
    const session = await InferenceSession.create(graph(asInput), options);
    made.push(performance.now() - start);
    highest = Math.max(highest, resident());
    layers.push({ session, feeds: asInput ? { w: new Tensor("float32", data, [OUT, IN]) } : {} });
  }
  console.log(
    `  session: ${median(made).toFixed(0)} ms; memory after making them: ${highest - before} MB for ${(LAYERS * BYTES) / 1e6} MB`,
  );
  for (const rows of [1, 2, 8, 128]) {
    const x = new Tensor("float32", new Float32Array(rows * IN).fill(0.01), [rows, IN]);
    const times = [];
    for (let run = 0; run < RUNS; run++) {
      const start = performance.now();
      for (const { session, feeds } of layers) await session.run({ x, ...feeds });
      times.push((performance.now() - start) / LAYERS);
    }
    const ms = median(times);
    const gflops = (2 * rows * OUT * IN) / ms / 1e6;
    console.log(
      `  ${String(rows).padStart(3)} rows: ${ms.toFixed(2)} ms, ${(BYTES / ms / 1e6).toFixed(1)} GB/s, ${gflops.toFixed(0)} GFLOP/s`,
    );
  }
}

// Each way in a process of its own, so that neither finds the other's memory.
const way = process.argv[2];
if (way) await measure(way === "input");
else
  for (const one of ["input", "constant"]) {
    spawnSync(process.execPath, [fileURLToPath(import.meta.url), one], { stdio: "inherit" });
  }
