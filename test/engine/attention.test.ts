/** Attention by the kernel and by the operator, beside float64: head sizes, grouped queries, rows, windows, memories. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KERNEL_ROWS } from "../../src/engine/attention/kernel.js";
import { attendByKernel } from "../../src/engine/attention/kernel-attention.js";
import { KvCache } from "../../src/engine/attention/kv-cache.js";
import { OperatorAttention } from "../../src/engine/attention/operator-attention.js";
import { pageLayout } from "../../src/engine/attention/page-layout.js";
import { PageStore } from "../../src/engine/attention/page-store.js";
import type { RankSetup } from "../../src/engine/shared/messages.js";
import type { KvType } from "../../src/model/architecture/kv-type.js";
import { maxDifference } from "../max-difference.js";
import { noise } from "./noise.js";

interface Case {
  headDim: number;
  kvHeads: number;
  ratio: number;
  /** Tokens before the rows. */
  position: number;
  rows: number;
  window?: number;
  /** Of one memory. */
  maxBytes?: number;
}

const CASES: Case[] = [
  { headDim: 128, kvHeads: 2, ratio: 1, position: 0, rows: 1 },
  { headDim: 128, kvHeads: 2, ratio: 1, position: 700, rows: 1 },
  { headDim: 128, kvHeads: 2, ratio: 4, position: 300, rows: 5 },
  { headDim: 64, kvHeads: 3, ratio: 3, position: 255, rows: 1 },
  { headDim: 64, kvHeads: 1, ratio: 3, position: 250, rows: KERNEL_ROWS },
  { headDim: 80, kvHeads: 2, ratio: 1, position: 513, rows: 2 },
  { headDim: 96, kvHeads: 1, ratio: 2, position: 100, rows: 3 },
  { headDim: 256, kvHeads: 1, ratio: 8, position: 257, rows: 1 },
  { headDim: 8, kvHeads: 4, ratio: 2, position: 600, rows: 4 },
  { headDim: 4, kvHeads: 2, ratio: 1, position: 30, rows: 1 },
  { headDim: 36, kvHeads: 1, ratio: 1, position: 271, rows: 3 },
  { headDim: 64, kvHeads: 2, ratio: 2, position: 700, rows: 3, window: 100 },
  { headDim: 64, kvHeads: 2, ratio: 1, position: 515, rows: 8, window: 4 },
  { headDim: 64, kvHeads: 1, ratio: 5, position: 3, rows: 6, window: 1 },
  { headDim: 32, kvHeads: 2, ratio: 3, position: 900, rows: 2, maxBytes: 320 * 1024 },
];

function cacheOf({ headDim, kvHeads, ratio, maxBytes }: Case, type: KvType, tokens: number, isPlain = false) {
  const share = { qHeads: { start: 0, end: kvHeads * ratio }, kvHeads: { start: 0, end: kvHeads } };
  const layout = pageLayout({ headDim }, share, type);
  const cache = new KvCache({ start: 0, end: 1 }, new PageStore(layout, maxBytes, isPlain));
  const row = kvHeads * headDim;
  // Keys of different sizes, so that some tokens have most of the weight.
  const [k, v] = [noise(tokens * row, 1).map((x) => x * 3), noise(tokens * row, 2)];
  for (let at = 0; at < tokens; at += 100) {
    const part = (rows: Float32Array) => rows.subarray(at * row, Math.min(tokens, at + 100) * row);
    cache.append(0, at, part(k), part(v));
  }
  return { layout, cache };
}

/** Attention in float64 over the numbers that the cache has. */
function exact({ headDim, kvHeads, ratio, position, rows, window = Infinity }: Case, cache: KvCache, q: Float32Array) {
  const heads = kvHeads * ratio;
  const attended = new Float32Array(q.length);
  const tokens = position + rows;
  const [k, v] = [new Float32Array(tokens * headDim), new Float32Array(tokens * headDim)];
  for (let head = 0; head < heads; head++) {
    cache.readHead(0, Math.floor(head / ratio), 0, tokens, k, v);
    for (const numbers of [k, v]) cache.turnHeads(numbers, "back");
    for (let row = 0; row < rows; row++) {
      const at = (row * heads + head) * headDim;
      const end = position + row + 1;
      const scores: number[] = [];
      for (let t = Math.max(0, end - window); t < end; t++) {
        let sum = 0;
        for (let i = 0; i < headDim; i++) sum += q[at + i]! * k[t * headDim + i]!;
        scores.push(sum / Math.sqrt(headDim));
      }
      const most = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - most));
      const total = weights.reduce((a, b) => a + b);
      for (let i = 0; i < headDim; i++) {
        const sum = weights.reduce((all, weight, t) => all + weight * v[(end - scores.length + t) * headDim + i]!, 0);
        attended[at + i] = sum / total;
      }
    }
  }
  return attended;
}

const operatorOf = ({ headDim, window }: Case, layout: ReturnType<typeof pageLayout>) =>
  new OperatorAttention(
    {
      checkpoint: { config: { headDim, windows: [window ?? null] } },
      threads: 1,
      maxSeqLen: 2048,
    } as unknown as RankSetup,
    layout,
  );

for (const one of CASES) {
  const { headDim, kvHeads, ratio, position, rows, window = 2 ** 30 } = one;
  const q = noise(rows * kvHeads * ratio * headDim, 3).map((x) => x * 2);
  for (const type of ["fp32", "int8"] as const) {
    test(`${type}: ${JSON.stringify(one)}`, () => {
      const { layout, cache } = cacheOf(one, type, position + rows);
      const expected = exact(one, cache, q);
      const found = new Float32Array(q.length);
      attendByKernel(cache, 0, position, rows, window, q, found);
      // int8: queries and weights have 15 bits.
      const tolerance = type === "fp32" ? 2e-6 : 2e-4;
      assert.ok(maxDifference(found, expected) < tolerance, `kernel: ${maxDifference(found, expected)}`);
      const operator = operatorOf(one, layout);
      operator.run(cache, 0, position, rows, window, q, found.fill(0));
      operator.close();
      assert.ok(maxDifference(found, expected) < 2e-6, `operator: ${maxDifference(found, expected)}`);
    });
  }
}

test("where there is no kernel, the operator computes the same from plain memory", () => {
  const one = CASES[2]!;
  const { layout, cache } = cacheOf(one, "fp32", one.position + one.rows, true);
  const q = noise(one.rows * one.kvHeads * one.ratio * one.headDim, 3);
  const found = new Float32Array(q.length);
  const operator = operatorOf(one, layout);
  operator.run(cache, 0, one.position, one.rows, 2 ** 30, q, found);
  operator.close();
  assert.ok(maxDifference(found, exact(one, cache, q)) < 2e-6);
});

test("numbers of another sequence that had the same page do not count", () => {
  const { layout, cache } = cacheOf(CASES[0]!, "int8", 256);
  const [row, store] = [layout.kvHeads * layout.headDim, new PageStore(layout)];
  const bad = new KvCache({ start: 0, end: 1 }, store);
  const other = new KvCache({ start: 0, end: 1 }, store);
  other.append(0, 0, noise(row, 1), noise(row, 2));
  bad.append(0, 0, new Float32Array(256 * row).fill(Number.NaN), new Float32Array(256 * row).fill(Number.NaN));
  bad.trim(0);
  const rows = [noise(3 * row, 1), noise(3 * row, 2)] as const;
  bad.append(0, 0, ...rows);
  cache.append(0, 0, ...rows);
  const q = noise(row, 3);
  const [found, expected] = [new Float32Array(row), new Float32Array(row)];
  attendByKernel(bad, 0, 2, 1, 2 ** 30, q, found);
  attendByKernel(cache, 0, 2, 1, 2 ** 30, q, expected);
  assert.deepEqual(found, expected);
});
