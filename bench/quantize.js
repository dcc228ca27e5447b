#!/usr/bin/env node
/**
 * Measures quantising normally distributed weights with a few outliers: weights per second of one thread, and the squared
 * error relative to the weights' squares, compared with rounding by the largest magnitude.
 *   node bench/quantize.js
 */
import { quantizedSize, quantizeRows } from "../dist/src/model/architecture/quantize.js";

const [ROWS, COLUMNS, RUNS] = [1024, 4096, 7];
const values = Float32Array.from({ length: ROWS * COLUMNS }, () => {
  const normal = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  return 0.02 * normal * (Math.random() < 0.001 ? 6 : 1);
});

function median(numbers) {
  return numbers.sort((a, b) => a - b)[numbers.length >> 1];
}

/** Sum of squared errors over sum of squares. */
function quantizedError({ bits, blockSize }, packed, scales, zeros) {
  let error = 0;
  let total = 0;
  // 4096 columns are whole blocks, and an even number of them, so there is no padding
  for (let i = 0; i < values.length; i++) {
    const q = bits === 8 ? packed[i] : (packed[i >> 1] >> (4 * (i & 1))) & 15;
    const block = Math.floor(i / blockSize);
    const zero = bits === 8 ? 128 : (zeros[block >> 1] >> (4 * (block & 1))) & 15;
    error += (values[i] - (q - zero) * scales[block]) ** 2;
    total += values[i] ** 2;
  }
  return error / total;
}

/** The same for scale = largest magnitude / 7 or / 127, with the nearest q. */
function roundedError({ bits, blockSize }) {
  let error = 0;
  let total = 0;
  for (let start = 0; start < values.length; start += blockSize) {
    const block = values.subarray(start, start + blockSize);
    const scale = block.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) / (2 ** (bits - 1) - 1);
    for (const value of block) {
      error += (value - Math.round(value / scale) * scale) ** 2;
      total += value ** 2;
    }
  }
  return error / total;
}

for (const bits of [8, 4]) {
  for (const blockSize of [128, 64, 32, 16]) {
    const format = { bits, blockSize };
    const { packedBytes, scaleCount, zeroBytes } = quantizedSize(ROWS, COLUMNS, format);
    const packed = new Uint8Array(packedBytes);
    const scales = new Float32Array(scaleCount);
    const zeros = new Uint8Array(zeroBytes);
    const speeds = Array.from({ length: RUNS }, () => {
      // Time of the processor: other programs do not matter.
      const start = process.cpuUsage();
      quantizeRows(values, ROWS, COLUMNS, format, packed, scales, zeros);
      return values.length / process.cpuUsage(start).user;
    });
    const error = quantizedError(format, packed, scales, zeros);
    console.log(
      `int${bits} blocks of ${String(blockSize).padStart(3)}: ${median(speeds).toFixed(0).padStart(4)} M weights/s` +
        `, error ${error.toExponential(3)}, rounded ${roundedError(format).toExponential(3)}`,
    );
  }
}
