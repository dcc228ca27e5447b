import assert from "node:assert/strict";
import { test } from "node:test";
import { createSession, tensor } from "../../src/engine/stages/onnx-session.js";
import { writeOnnx } from "../../src/formats/protobuf/onnx-writer.js";
import {
  type BlockFormat,
  NotFiniteError,
  quantizedSize,
  quantizeRows,
} from "../../src/model/architecture/quantize.js";
import { dequantize, quantize, unpack, weights, zeroOf } from "./quantized-rows.js";

const FORMATS: BlockFormat[] = ([4, 8] as const).flatMap((bits) =>
  ([16, 32, 64, 128] as const).map((blockSize) => ({ bits, blockSize })),
);

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

test("arrays of another size are rejected", () => {
  const format: BlockFormat = { bits: 4, blockSize: 32 };
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
