/** The KV cache: pages in one or several memories, rewriting, copies and saved rows, in fp32 and int8, with and without the kernel. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KvCache } from "../../src/engine/attention/kv-cache.js";
import { PAGE_TOKENS, pageLayout } from "../../src/engine/attention/page-layout.js";
import { PageStore } from "../../src/engine/attention/page-store.js";
import type { KvType } from "../../src/model/architecture/kv-type.js";
import { maxDifference } from "../max-difference.js";
import { noise } from "./noise.js";

const HEAD = 20;
const HEADS = 3;
const ROW = HEAD * HEADS;

/** `kind`: pages of the kernel in one memory, or in memories so small that each has few pages, or plain ones. */
function storeOf(type: KvType, kind: "one" | "several" | "plain"): PageStore {
  const share = { qHeads: { start: 0, end: HEADS }, kvHeads: { start: 0, end: HEADS } };
  const layout = pageLayout({ headDim: HEAD }, share, type);
  return new PageStore(layout, kind === "several" ? 320 * 1024 : undefined, kind === "plain");
}

/** Keys and values of a head that were written. */
function read(cache: KvCache, head: number, first: number, end: number, layer = 0): [Float32Array, Float32Array] {
  const [k, v] = stored(cache, head, first, end, layer);
  for (const numbers of [k, v]) cache.turnHeads(numbers, "back");
  return [k, v];
}

/** The same as the cache has them: in int8 they are turned. */
function stored(cache: KvCache, head: number, first: number, end: number, layer = 0): [Float32Array, Float32Array] {
  const [k, v] = [new Float32Array((end - first) * HEAD), new Float32Array((end - first) * HEAD)];
  cache.readHead(layer, head, first, end, k, v);
  return [k, v];
}

/** The columns of a head of rows `first` to `end` - 1. */
function ofHead(rows: Float32Array, head: number, first: number, end: number): Float32Array {
  const columns = Array.from({ length: end - first }, (_, i) => {
    const at = (first + i) * ROW + head * HEAD;
    return [...rows.subarray(at, at + HEAD)];
  });
  return Float32Array.from(columns.flat());
}

for (const [type, kind] of [
  ["fp32", "one"],
  ["fp32", "several"],
  ["fp32", "plain"],
  ["int8", "one"],
  ["int8", "several"],
] as const) {
  // An int8 number is off by at most half a step; turned back, by what those of its head sum up to.
  const tolerance = type === "fp32" ? 0 : 2 / 127;

  test(`a cache keeps what comes before a rewritten position, and copies do not change it: ${type}, ${kind}`, () => {
    const store = storeOf(type, kind);
    const cache = new KvCache({ start: 5, end: 7 }, store);
    const [k, v] = [noise(700 * ROW, 1), noise(700 * ROW, 2)];
    const [newK, newV] = [noise(ROW, 3), noise(ROW, 4)];
    for (let at = 0; at < 700; at += 233) {
      const part = (rows: Float32Array) => rows.subarray(at * ROW, Math.min(700, at + 233) * ROW);
      cache.append(6, at, part(v), part(k));
      cache.append(5, at, part(k), part(v));
    }
    const copy = new KvCache({ start: 5, end: 7 }, store);
    copy.copyFrom(cache, 300);
    cache.append(5, 251, newK, newV);
    for (let head = 0; head < HEADS; head++) {
      const [keys, values] = read(cache, head, 3, 252, 5);
      assert.ok(maxDifference(keys.subarray(0, 248 * HEAD), ofHead(k, head, 3, 251)) <= tolerance);
      assert.ok(maxDifference(values.subarray(0, 248 * HEAD), ofHead(v, head, 3, 251)) <= tolerance);
      assert.ok(maxDifference(keys.subarray(248 * HEAD), ofHead(newK, head, 0, 1)) <= tolerance);
      assert.ok(maxDifference(values.subarray(248 * HEAD), ofHead(newV, head, 0, 1)) <= tolerance);
      const [copied, other] = read(copy, head, 0, 300, 6);
      assert.ok(maxDifference(copied, ofHead(v, head, 0, 300)) <= tolerance);
      assert.ok(maxDifference(other, ofHead(k, head, 0, 300)) <= tolerance);
    }
  });

  test(`saved rows have a token's heads side by side and restore the same numbers: ${type}, ${kind}`, () => {
    const store = storeOf(type, kind);
    const cache = new KvCache({ start: 0, end: 1 }, store);
    cache.append(0, 0, noise(301 * ROW, 1), noise(301 * ROW, 2));
    const saved = cache.save(0, 299);
    const headBytes = type === "fp32" ? HEAD * 4 : HEAD + 4;
    assert.equal(saved.byteLength, 2 * 299 * HEADS * headBytes);
    const other = new KvCache({ start: 0, end: 1 }, store);
    other.restore(0, saved);
    assert.deepEqual(other.save(0, 299), saved);
    assert.deepEqual(read(other, 2, 0, 299), read(cache, 2, 0, 299));
    // The values of token 258, head 1.
    const at = (299 + 258) * HEADS * headBytes + headBytes;
    const bytes = saved.slice(at, at + headBytes);
    const scale = type === "int8" ? new Float32Array(bytes.slice(HEAD).buffer)[0]! : 0;
    const numbers =
      type === "int8"
        ? Float32Array.from(new Int8Array(bytes.buffer, 0, HEAD), (n) => n * scale)
        : new Float32Array(bytes.buffer);
    assert.deepEqual(numbers, stored(cache, 1, 258, 259)[1]);
  });
}

test("pages that are given back are used again, and an unused memory is freed", () => {
  const store = storeOf("int8", "one");
  const cache = new KvCache({ start: 0, end: 2 }, store);
  const rows = noise(600 * ROW, 1);
  for (const layer of [0, 1]) cache.append(layer, 0, rows, rows);
  const [first] = cache.pages(0, 1);
  const bytes = first!.memory.buffer.byteLength;
  cache.trim(256);
  assert.equal(cache.pages(0, 600).length, 256 / PAGE_TOKENS);
  for (const layer of [0, 1]) cache.append(layer, 256, rows, rows);
  assert.equal(first!.memory.buffer.byteLength, bytes);
  cache.trim(0);
  assert.ok(first!.memory.isEmpty);
  cache.append(0, 0, rows, rows);
  assert.notEqual(cache.pages(0, 1)[0]!.memory, first!.memory);
});

test("a memory that cannot hold a page is an error that says what to do", () => {
  const share = { qHeads: { start: 0, end: 1 }, kvHeads: { start: 0, end: 1 } };
  const store = new PageStore(pageLayout({ headDim: 512 }, share, "int8"), 65_536);
  assert.throws(() => store.take(), { kind: "memory", message: /KV cache cannot grow .*smaller --max_seq_len/ });
});

test("int8 without the kernel is refused", () => {
  assert.throws(() => storeOf("int8", "plain"), { kind: "memory", message: /ulimit -v.*--kv_dtype fp32/ });
});

test("numbers that are not finite stay so in int8", () => {
  const cache = new KvCache({ start: 0, end: 1 }, storeOf("int8", "one"));
  const [k, v] = [noise(3 * ROW, 1), noise(3 * ROW, 2)];
  k[HEAD + 3] = Number.NaN;
  v[ROW + 1] = Number.POSITIVE_INFINITY;
  cache.append(0, 0, k, v);
  assert.ok(Number.isNaN(read(cache, 1, 0, 1)[0][3]));
  assert.ok(!Number.isFinite(read(cache, 0, 1, 2)[1][1]!));
  assert.ok(read(cache, 2, 0, 3).every((numbers) => numbers.every((number) => Number.isFinite(number))));
});
