#!/usr/bin/env node
/**
 * Measures attention of one layer of one rank on one thread: a decode step by the kernel, by the operator, which copies the
 * cache as fp32, and 256 rows of a prompt by the operator. Several caches in turn, so that none stays in the processor's cache.
 *   node bench/attention.js [--kv_heads 16] [--ratio 1] [--head_dim 128] [--tokens 128,1536,4096] [--trials 60]
 */
import { parseArgs } from "node:util";
import { attendByKernel } from "../dist/src/engine/attention/kernel-attention.js";
import { KvCache } from "../dist/src/engine/attention/kv-cache.js";
import { OperatorAttention } from "../dist/src/engine/attention/operator-attention.js";
import { pageLayout } from "../dist/src/engine/attention/page-layout.js";
import { PageStore } from "../dist/src/engine/attention/page-store.js";

const text = (value) => ({ type: "string", default: value });
const { values } = parseArgs({
  options: {
    kv_heads: text("16"),
    ratio: text("1"),
    head_dim: text("128"),
    tokens: text("128,1536,4096"),
    trials: text("60"),
  },
});
const [kvHeads, ratio, headDim, trials] = [values.kv_heads, values.ratio, values.head_dim, values.trials].map(Number);
const CACHES = 8;
const PROMPT = 256;
const NO_WINDOW = 2 ** 30;
const share = { qHeads: { start: 0, end: kvHeads * ratio }, kvHeads: { start: 0, end: kvHeads } };
const noise = (length) => Float32Array.from({ length }, () => Math.random() - 0.5);

/** Minimum and median of the milliseconds of `run`, called with 0, 1, 2, ... */
function time(run, count) {
  const times = Array.from({ length: count }, (_, i) => {
    const start = performance.now();
    run(i);
    return performance.now() - start;
  }).sort((a, b) => a - b);
  return `${times[0].toFixed(3)}, ${times[count >> 1].toFixed(3)}`;
}

console.log(`${kvHeads} KV heads of ${headDim}, ${ratio} queries each; ms a layer, minimum and median`);
for (const type of ["fp32", "int8"]) {
  const layout = pageLayout({ headDim }, share, type);
  const operator = new OperatorAttention(
    { checkpoint: { config: { headDim, windows: [] } }, threads: 1, maxSeqLen: 1 << 20 },
    layout,
  );
  for (const tokens of values.tokens.split(",").map(Number)) {
    const cache = new KvCache({ start: 0, end: CACHES }, new PageStore(layout));
    const rows = noise(tokens * kvHeads * headDim);
    for (let layer = 0; layer < CACHES; layer++) cache.append(layer, 0, rows, rows);
    const q = noise(PROMPT * kvHeads * ratio * headDim);
    const out = new Float32Array(q.length);
    const width = kvHeads * ratio * headDim;
    const [one, result] = [q.subarray(0, width), out.subarray(0, width)];
    const kernel = time((i) => attendByKernel(cache, i % CACHES, tokens - 1, 1, NO_WINDOW, one, result), trials);
    const byOperator = time((i) => operator.run(cache, i % CACHES, tokens - 1, 1, NO_WINDOW, one, result), trials);
    const count = Math.min(PROMPT, tokens);
    const [queries, results] = [q.subarray(0, count * width), out.subarray(0, count * width)];
    const prompt = time(
      (i) => operator.run(cache, i % CACHES, tokens - count, count, NO_WINDOW, queries, results),
      Math.ceil(trials / 10),
    );
    console.log(`${type} ${tokens} tokens: kernel ${kernel}; operator ${byOperator}; ${PROMPT} rows ${prompt}`);
  }
  operator.close();
}
