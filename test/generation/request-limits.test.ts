import assert from "node:assert/strict";
import { test } from "node:test";
import { LlamaError } from "../../src/error.js";
import { checkFits, checkLimits, resolveLimits } from "../../src/generation/scheduling/request-limits.js";

test("by default KV caches get half of the available memory, ended requests 16 contexts of it, and a whole context always fits", () => {
  const limits = resolveLimits({}, { positionBytes: 1000 }, 512, 100e6);
  assert.deepEqual(limits, {
    ...{ maxRequests: 16, maxPositions: 50_000, maxKept: 16 * 512 },
    ...{ maxQueue: 1024, stepMs: 1000, pageTokens: 64, positionBytes: 1000, onStep: undefined },
  });
  assert.equal(resolveLimits({}, { positionBytes: 1000 }, 512, 10).maxPositions, 512);
  assert.equal(resolveLimits({}, { positionBytes: 1e6 }, 512, 2e9).maxKept, 1000);
  // Long contexts are not kept 16 times.
  assert.deepEqual(
    [8192, 131072].map((length) => resolveLimits({}, { positionBytes: 1 }, length, 1e9).maxKept),
    [32768, 131072],
  );
});

test("kvMemory is the budget of running and ended requests together", () => {
  const { maxPositions, maxKept } = resolveLimits({ kvMemory: 7e6 }, { positionBytes: 1000 }, 512, 100e9);
  assert.deepEqual([maxPositions, maxKept], [7000, 7000]);
});

test("limits out of range, and a request that can never fit, are refused", () => {
  for (const options of [{ concurrency: 0 }, { kvMemory: -1 }, { maxQueue: 0.5 }, { stepMs: 0 }]) {
    assert.throws(() => checkLimits(options), LlamaError);
  }
  const limits = resolveLimits({ kvMemory: 1e6 }, { positionBytes: 1000 }, 512, 100e9);
  const request = { sample: () => 0, stopIds: new Set<number>(), logprobs: false };
  checkFits({ ...request, promptIds: Array(900).fill(1), maxTokens: 100 }, limits);
  assert.throws(
    () => checkFits({ ...request, promptIds: Array(951).fill(1), maxTokens: 100 }, limits),
    /951 prompt tokens and 100 new ones.*at most 1\.00 MB, found 1\.05 MB/,
  );
});
