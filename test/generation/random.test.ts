import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom, randomSeed } from "../../src/generation/sampling/random.js";

const first = (seed: number, n = 1000) => {
  const random = createRandom(seed);
  return Array.from({ length: n }, random);
};

test("numbers are the same for the same seed and differ between seeds", () => {
  assert.deepEqual(first(1), first(1));
  const starts = new Set(
    [0, 1, 2, 3, -1, 2 ** 31, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER].map((seed) => first(seed)[0]),
  );
  assert.equal(starts.size, 9);
});

test("numbers for a seed stay the same between versions", () => {
  assert.deepEqual(first(1, 3), [0.4684900748426659, 0.39758921723365603, 0.47181193818790734]);
});

test("numbers are uniform in [0, 1)", () => {
  for (const seed of [0, 1, 12345]) {
    const values = first(seed, 100_000);
    assert.ok(values.every((value) => value >= 0 && value < 1));
    const buckets = new Array<number>(10).fill(0);
    for (const value of values) buckets[Math.floor(value * 10)]!++;
    for (const count of buckets) assert.ok(Math.abs(count - 10_000) < 500, String(buckets));
    const mean = values.reduce((a, b) => a + b) / values.length;
    assert.ok(Math.abs(mean - 0.5) < 0.005);
  }
});

test("a random seed is a 32-bit integer", () => {
  for (let i = 0; i < 100; i++) {
    const seed = randomSeed();
    assert.ok(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32);
  }
});
