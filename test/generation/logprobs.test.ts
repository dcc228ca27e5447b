import assert from "node:assert/strict";
import { test } from "node:test";
import { logSoftmaxAt } from "../../src/generation/sampling/logprobs.js";

const close = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-12, `${a} is not ${b}`);

test("logSoftmaxAt is the logarithm of the softmax", () => {
  const logits = Float32Array.of(1, 2, 3);
  const sum = Math.exp(1) + Math.exp(2) + Math.exp(3);
  for (const id of [0, 1, 2]) close(logSoftmaxAt(logits, id), Math.log(Math.exp(logits[id]!) / sum));
  close(logSoftmaxAt(new Float32Array(32000), 7), -Math.log(32000));
});

test("logSoftmaxAt is stable for large and infinite logits", () => {
  close(logSoftmaxAt(Float32Array.of(1e5, 1e5), 0), -Math.log(2));
  close(logSoftmaxAt(Float32Array.of(1e4, -1e4), 1), -2e4);
  assert.equal(logSoftmaxAt(Float32Array.of(0, Number.NEGATIVE_INFINITY), 1), Number.NEGATIVE_INFINITY);
});

test("logSoftmaxAt refuses an id outside the logits", () => {
  assert.throws(() => logSoftmaxAt(new Float32Array(3), 3), RangeError);
});
