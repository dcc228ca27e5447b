import assert from "node:assert/strict";
import { test } from "node:test";
import { createSession, tensor } from "../../src/engine/stages/onnx-session.js";
import { writeOnnx } from "../../src/formats/protobuf/onnx-writer.js";
import {
  NotFiniteError,
  type QuantFormat,
  quantizedSize,
  quantizeRows,
} from "../../src/model/architecture/quantize.js";

const FORMATS: QuantFormat[] = ([4, 8] as const).flatMap((bits) =>
  ([16, 32, 64, 128] as const).map((blockSize) => ({ bits, blockSize })),
);

/** Approximately normally distributed numbers from a seeded generator, with a few outliers. */
function weights(count: number, seed: number): Float32Array {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Float32Array.from({ length: count }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    return 0.02 * normal * (uniform() < 0.01 ? 6 : 1);
  });
}

interface Quantized {
  packed: Uint8Array;
  scales: Float32Array;
  zeros: Uint8Array;
}

function quantize(values: Float32Array, rows: number, columns: number, format: QuantFormat): Quantized {
  const { packedBytes, scaleCount, zeroBytes } = quantizedSize(rows, columns, format);
  const packed = new Uint8Array(packedBytes).fill(0x5a);
  const scales = new Float32Array(scaleCount).fill(Number.NaN);
  const zeros = new Uint8Array(zeroBytes).fill(0x5a);
  quantizeRows(values, rows, columns, format, packed, scales, zeros);
  return { packed, scales, zeros };
}

/** The zero point of a block of a row that has `blocks`. */
function zeroOf({ zeros }: Quantized, { bits }: QuantFormat, blocks: number, row: number, block: number): number {
  if (bits === 8) return 128;
  return (zeros[row * Math.ceil(blocks / 2) + (block >> 1)]! >> (4 * (block % 2))) & 15;
}

/** All q of a quantised matrix, including padding: [rows, blocks * blockSize]. */
function unpack({ packed }: Quantized, { bits }: QuantFormat): number[] {
  return bits === 8 ? [...packed] : [...packed].flatMap((byte) => [byte & 15, byte >> 4]);
}

function dequantize(quantized: Quantized, rows: number, columns: number, format: QuantFormat): Float32Array {
  const { blocks } = quantizedSize(rows, columns, format);
  const all = unpack(quantized, format);
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const inRow = Math.floor(column / format.blockSize);
    const block = row * blocks + inRow;
    const zero = zeroOf(quantized, format, blocks, row, inRow);
    const q = all[block * format.blockSize + (column % format.blockSize)]!;
    return (q - zero) * quantized.scales[block]!;
  });
}

for (const format of FORMATS) {
  const name = `${format.bits} bits, blocks of ${format.blockSize}`;

  test(`${name}: MatMulNBits multiplies by the dequantised weights`, async () => {
    const [rows, columns, tokens] = [24, 208, 3]; // 208: with blocks of 32 or more, the last one is partial
    const quantized = quantize(weights(rows * columns, 1), rows, columns, format);
    const wide = dequantize(quantized, rows, columns, format);
    const { blocks, blockBytes } = quantizedSize(rows, columns, format);
    for (const accuracy of [0, 4]) {
      const session = await createSession(
        writeOnnx({
          name: "linear",
          opsets: { "": 21, "com.microsoft": 1 },
          nodes: [
            {
              op: "MatMulNBits",
              domain: "com.microsoft",
              inputs: ["x", "packed", "scales", ...(format.bits === 4 ? ["zeros"] : [])],
              outputs: ["y"],
              attributes: {
                K: columns,
                N: rows,
                bits: format.bits,
                block_size: format.blockSize,
                accuracy_level: accuracy,
              },
            },
          ],
          inputs: [{ name: "x", type: "float32", shape: ["tokens", columns] }],
          outputs: [{ name: "y", type: "float32", shape: ["tokens", rows] }],
          initializers: [
            { name: "packed", type: "uint8", shape: [rows, blocks, blockBytes], data: quantized.packed },
            {
              name: "scales",
              type: "float32",
              shape: [rows, blocks],
              data: new Uint8Array(quantized.scales.buffer),
            },
            {
              name: "zeros",
              type: "uint8",
              shape: [rows, quantized.zeros.length / rows],
              data: quantized.zeros,
            },
          ],
        }),
        { threads: 1 },
      );
      const x = weights(tokens * columns, 2);
      const y = (await session.run({ x: tensor(x, [tokens, columns]) })).y!;
      await session.release();
      for (let token = 0; token < tokens; token++) {
        for (let row = 0; row < rows; row++) {
          let sum = 0;
          let length = 0;
          for (let column = 0; column < columns; column++) {
            const product = x[token * columns + column]! * wide[row * columns + column]!;
            sum += product;
            length += product ** 2;
          }
          // accuracy_level 4 rounds the activations of a block to 8 bits
          const tolerance = accuracy === 4 ? 0.1 * Math.sqrt(length) : 1e-6;
          const found = y[token * rows + row]!;
          assert.ok(Math.abs(found - sum) <= tolerance, `accuracy ${accuracy}: ${found}, expected ${sum}`);
        }
      }
    }
  });

  test(`${name}: parts of a matrix divided at blocks have the same numbers`, () => {
    const { blockSize } = format;
    const [rows, columns] = [5, 3 * blockSize + 6];
    const values = weights(rows * columns, 3);
    const whole = quantize(values, rows, columns, format);
    const { blocks, blockBytes } = quantizedSize(rows, columns, format);
    for (const [first, last] of [
      [0, 1],
      [1, 4],
      [2, 3],
    ] as const) {
      const start = first * blockSize;
      const end = Math.min(last * blockSize, columns);
      const part = Float32Array.from({ length: 2 * (end - start) }, (_, i) => {
        const row = 1 + Math.floor(i / (end - start));
        return values[row * columns + start + (i % (end - start))]!;
      });
      const found = quantize(part, 2, end - start, format);
      for (const [array, of, unit] of [
        [found.packed, whole.packed, blockBytes],
        [found.scales, whole.scales, 1],
      ] as const) {
        const expected = [1, 2].flatMap((row) => [
          ...of.subarray((row * blocks + first) * unit, (row * blocks + last) * unit),
        ]);
        assert.deepEqual([...array], expected);
      }
      for (let block = first; block < last; block++) {
        for (const row of [0, 1]) {
          const expected = zeroOf(whole, format, blocks, row + 1, block);
          assert.equal(zeroOf(found, format, last - first, row, block - first), expected);
        }
      }
    }
  });

  test(`${name}: a partial block is padded with zeros`, () => {
    for (const columns of [1, 3, format.blockSize - 1, format.blockSize + 1, 2 * format.blockSize - 2]) {
      const quantized = quantize(weights(2 * columns, 4), 2, columns, format);
      const all = unpack(quantized, format);
      const padded = all.length / 2;
      for (let row = 0; row < 2; row++) {
        const padding = all.slice(row * padded + columns, (row + 1) * padded);
        const blocks = padded / format.blockSize;
        const zero = zeroOf(quantized, format, blocks, row, blocks - 1);
        assert.ok(
          padding.every((q) => q === zero),
          `${columns} columns: ${padding}`,
        );
      }
    }
  });

  test(`${name}: blocks of zeros and of the smallest numbers are quantised`, () => {
    const { blockSize } = format;
    const zeros = quantize(new Float32Array(blockSize).fill(-0), 1, blockSize, format);
    assert.deepEqual([...zeros.scales], [0]);
    assert.ok(unpack(zeros, format).every((q) => q === zeroOf(zeros, format, 1, 0, 0)));
    for (const tiny of [2 ** -149, 2 ** -146, 3.1e-43, 2 ** -126]) {
      const values = weights(blockSize, 5).map((value) => value * 20 * tiny);
      const found = quantize(values, 1, blockSize, format);
      const wide = dequantize(found, 1, blockSize, format);
      assert.ok(found.scales.every(Number.isFinite));
      const largest = Math.max(...values.map(Math.abs));
      values.forEach((value, i) => {
        assert.ok(Math.abs(value - wide[i]!) <= largest, `${wide[i]} for ${value}`);
      });
    }
  });

  test(`${name}: the largest finite weights stay finite`, () => {
    const values = Float32Array.from({ length: format.blockSize }, (_, i) => (i % 2 ? 3.4e38 : -3.4e38));
    const wide = dequantize(quantize(values, 1, values.length, format), 1, values.length, format);
    assert.ok(wide.every((value, i) => Number.isFinite(value) && value * values[i]! > 0));
  });

  test(`${name}: the error for a weight that is not finite has its row and column`, () => {
    const [rows, columns] = [3, 2 * format.blockSize + 3];
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (const [row, column] of [
        [0, 0],
        [1, format.blockSize],
        [2, columns - 1],
      ] as const) {
        const values = weights(rows * columns, 6);
        values[row * columns + column] = bad;
        assert.throws(
          () => quantize(values, rows, columns, format),
          (error) => error instanceof NotFiniteError && error.row === row && error.column === column,
        );
      }
    }
  });
}

/** Sums of squares: of the weights, of their errors after quantizeRows, and after rounding with a scale by the largest magnitude. */
function errors(values: Float32Array, format: QuantFormat): { energy: number; found: number; plain: number } {
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
      const format: QuantFormat = { bits: 4, blockSize: 32 };
      assert.deepEqual(dequantize(quantize(values, 1, 32, format), 1, 32, format), values, `${below} below`);
    }
  }
});

test("arrays of another size are rejected", () => {
  const format: QuantFormat = { bits: 4, blockSize: 32 };
  const { packedBytes, scaleCount, zeroBytes } = quantizedSize(2, 40, format);
  assert.deepEqual([packedBytes, scaleCount, zeroBytes], [64, 4, 2]);
  const call = (values: number, ...[packed, scales, zeros]: [number, number, number]) => {
    const out = [new Uint8Array(packed), new Float32Array(scales), new Uint8Array(zeros)] as const;
    quantizeRows(new Float32Array(values), 2, 40, format, ...out);
  };
  call(80, 64, 4, 2);
  assert.throws(() => call(79, 64, 4, 2), RangeError);
  assert.throws(() => call(80, 63, 4, 2), RangeError);
  assert.throws(() => call(80, 64, 5, 2), RangeError);
  assert.throws(() => call(80, 64, 4, 0), RangeError);
});
