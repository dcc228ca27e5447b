import assert from "node:assert/strict";
import { test } from "node:test";
import type { BlockFormat } from "../../src/model/architecture/quantize.js";
import { dequantize, quantize, weights } from "./quantized-rows.js";

/** Sums of squares: of the weights, of their errors after quantizeRows, and after rounding with a scale by the largest magnitude. */
function errors(values: Float32Array, format: BlockFormat): { energy: number; found: number; plain: number } {
  const wide = dequantize(quantize(values, 1, values.length, format), 1, values.length, format);
  const scale = Math.fround(Math.max(...values.map(Math.abs)) / (2 ** (format.bits - 1) - 1));
  let [energy, found, plain] = [0, 0, 0];
  values.forEach((value, i) => {
    energy += value ** 2;
    found += (value - wide[i]!) ** 2;
    plain += (value - Math.round(value / scale) * scale) ** 2;
  });
  return { energy, found, plain };
}

test("4 bits: the error is at most 0.62 of that with a scale by the largest magnitude, and never noticeably more", () => {
  for (const blockSize of [16, 32, 64, 128] as const) {
    let [sumFound, sumPlain] = [0, 0];
    for (let seed = 1; seed <= 500; seed++) {
      const columns = seed % 5 ? blockSize : 1 + (seed % blockSize);
      const { energy, found, plain } = errors(weights(columns, seed), { bits: 4, blockSize });
      // The search sorts weights into bins, so it may choose a slightly worse scale.
      assert.ok(found <= plain + 0.002 * energy, `block of ${columns}, seed ${seed}: ${found / plain} of the error`);
      sumFound += found;
      sumPlain += plain;
    }
    assert.ok(sumFound < 0.62 * sumPlain, `blocks of ${blockSize}: ${sumFound / sumPlain} of the error`);
  }
});

test("8 bits: weights are rounded to the nearest q with a scale by the largest magnitude", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const { energy, found, plain } = errors(weights(64, seed), { bits: 8, blockSize: 64 });
    assert.ok(Math.abs(found - plain) <= 1e-9 * energy, `seed ${seed}`);
  }
});

test("4 bits: the error is within 2 % of that of the best of all scales and zero points", () => {
  const blockSize = 64;
  let [sumFound, sumBest] = [0, 0];
  for (let seed = 1; seed <= 24; seed++) {
    // Every third block is not centred.
    const values = weights(blockSize, seed).map((value) => value + (seed % 3 === 0 ? 0.01 : 0));
    sumFound += errors(values, { bits: 4, blockSize }).found;
    sumBest += leastError(values);
  }
  assert.ok(sumFound < 1.02 * sumBest, `${sumFound / sumBest} of the least error`);
});

/** The least squared error of 4 bits, from many scales for every zero point. */
function leastError(values: Float32Array): number {
  const largest = Math.max(...values.map(Math.abs));
  let best = Number.POSITIVE_INFINITY;
  for (let zero = 0; zero <= 15; zero++) {
    for (let steps = 6; steps < 18; steps += 0.2) {
      let [wq, qq, ww] = [0, 0, 0];
      for (const w of values) {
        const q = Math.min(Math.max(Math.round((w * steps) / largest), -zero), 15 - zero);
        wq += w * q;
        qq += q * q;
        ww += w * w;
      }
      if (qq > 0) best = Math.min(best, ww - (wq * wq) / qq);
    }
  }
  return best;
}

test("4 bits: weights that are already on a 4-bit grid are unchanged", () => {
  for (const below of [0, 3, 5, 6, 7]) {
    for (const sign of [1, -1]) {
      // All multiples from -below to 15 - below, so that only one grid fits.
      const values = Float32Array.from({ length: 32 }, (_, i) => sign * 0.25 * (((i * 5) % 16) - below));
      const format: BlockFormat = { bits: 4, blockSize: 32 };
      assert.deepEqual(dequantize(quantize(values, 1, 32, format), 1, 32, format), values, `${below} below`);
    }
  }
});
