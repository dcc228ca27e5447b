/** Heads are turned before they become int8: the turn is orthogonal, spreads large channels, and is undone; fp32 is not turned. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KvCache } from "../../src/engine/attention/kv-cache.js";
import { pageLayout } from "../../src/engine/attention/page-layout.js";
import { PageStore } from "../../src/engine/attention/page-store.js";
import { kvForm } from "../../src/model/architecture/kv-type.js";
import { maxDifference } from "../max-difference.js";
import { noise } from "./noise.js";

const one = { start: 0, end: 1 };

/** A cache with one token of one head, and the error of what it has of that head, relative to the head's length. */
function errorOf(keys: Float32Array, type: "fp32" | "int8" = "int8"): number {
  const headDim = keys.length;
  const cache = new KvCache(one, new PageStore(pageLayout({ headDim }, { qHeads: one, kvHeads: one }, type)));
  cache.append(0, 0, keys, keys);
  const [k, v] = [new Float32Array(headDim), new Float32Array(headDim)];
  cache.readHead(0, 0, 0, 1, k, v);
  for (const numbers of [k, v]) cache.turnHeads(numbers, "back");
  assert.deepEqual(k, v);
  return lengthOf(k.map((x, i) => x - keys[i]!)) / lengthOf(keys);
}

function lengthOf(numbers: Float32Array): number {
  return Math.sqrt(numbers.reduce((sum, x) => sum + x * x, 0));
}

function turned(heads: Float32Array, headDim: number, way: "to" | "back"): Float32Array {
  const cache = new KvCache(one, new PageStore(pageLayout({ headDim }, { qHeads: one, kvHeads: one }, "int8")));
  cache.append(0, 0, new Float32Array(headDim), new Float32Array(headDim));
  const copy = heads.slice();
  cache.turnHeads(copy, way);
  return copy;
}

for (const headDim of [2, 4, 8, 16, 20, 32, 36, 64, 80, 96, 100, 128, 192, 256]) {
  test(`heads of ${headDim}: products are kept, the turn is undone, and large channels are spread`, () => {
    const count = 37;
    const [a, b] = [noise(count * headDim, 1), noise(count * headDim, 2)];
    const [x, y] = [turned(a, headDim, "to"), turned(b, headDim, "to")];
    assert.ok(maxDifference(turned(x, headDim, "back"), a) < 2e-6);
    for (let head = 0; head < count; head++) {
      const product = (p: Float32Array, q: Float32Array) => {
        let sum = 0;
        for (let i = head * headDim; i < (head + 1) * headDim; i++) sum += p[i]! * q[i]!;
        return sum;
      };
      assert.ok(Math.abs(product(a, b) - product(x, y)) < 1e-5);
    }
    if (headDim < 16) return;
    // A channel of any place, and all channels alike (in heads that are turned once): none is then above half of the length.
    const isPower = (headDim & (headDim - 1)) === 0;
    for (let place = 0; place < headDim + (isPower ? 1 : 0); place++) {
      const head = Float32Array.from({ length: headDim }, (_, i) => (i === place || place === headDim ? 1 : 0));
      const largest = turned(head, headDim, "to").reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      assert.ok(largest <= 0.5 * lengthOf(head), `${place}: ${largest}`);
    }
    // A few channels that are 50 times as large as the others.
    const head = noise(headDim, 3).map((value, i) => (i % 29 === 5 ? 50 : 1) * value);
    assert.ok(errorOf(head) < 0.011, String(errorOf(head)));
    assert.equal(errorOf(head, "fp32"), 0);
  });
}

test("the form of saved keys and values says that they are turned", () => {
  assert.notEqual(kvForm("int8"), "int8");
  assert.equal(kvForm("fp32"), "fp32");
});
