/** The kernel that turns and quantises weights gives the bits of the JavaScript that runs where there is no WebAssembly. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChunkMaths, chunkMaths } from "../../src/engine/stages/weight-kernel.js";
import { NotFiniteError, type QuantFormat, quantizedSize } from "../../src/model/architecture/quantize.js";
import { StreamTurn } from "../../src/model/architecture/turned-stream.js";
import { noise } from "./noise.js";

const [fast, plain] = [chunkMaths(true), chunkMaths(false)];

/** Weights of several sizes, with outliers, an empty block and blocks that are not centred. */
function matrix(rows: number, columns: number): Float32Array {
  return noise(rows * columns, rows + columns).map((x, i) => {
    const row = Math.floor(i / columns);
    if (row === 1) return 0;
    return (x * x * x + (row % 3 === 2 ? 0.7 : 0)) * (i % 97 === 3 ? 9 : 1) * 10 ** (-row % 40);
  });
}

function quantized(maths: ChunkMaths, values: Float32Array, rows: number, columns: number, format: QuantFormat) {
  const { packedBytes, scaleCount, zeroBytes } = quantizedSize(rows, columns, format);
  const [packed, scales, zeros] = [
    new Uint8Array(packedBytes),
    new Float32Array(scaleCount),
    new Uint8Array(zeroBytes),
  ];
  const chunk = maths.chunk(rows, columns, format);
  chunk.set(values);
  maths.quantize(chunk, rows, columns, format, packed, scales, zeros);
  return { packed, scales, zeros };
}

for (const bits of [4, 8] as const) {
  test(`${bits} bits: blocks of all lengths, rows that end within a block`, () => {
    for (const blockSize of [16, 32, 64, 128] as const) {
      for (const [rows, columns] of [
        [45, 384],
        [7, 100],
        [3, 1],
        [2, 17],
      ] as const) {
        const values = matrix(rows, columns);
        const format = { bits, blockSize };
        const [found, expected] = [fast, plain].map((maths) => quantized(maths, values, rows, columns, format));
        assert.deepEqual(found, expected, `${rows} x ${columns} in blocks of ${blockSize}`);
      }
    }
  });
}

test("rows and columns of the stream are turned alike", () => {
  for (const [dim, width, rows] of [
    [576, 64, 3],
    [96, 32, 5],
    [48, 16, 1],
  ] as const) {
    const turn = new StreamTurn(dim, width);
    const norm = noise(dim, 5);
    const results = [fast, plain].map((maths) => {
      const byRows = maths.chunk(rows, dim, { bits: 8, blockSize: 16 });
      byRows.set(matrix(rows, dim));
      maths.turnRows(byRows, turn, norm);
      const turned = [byRows.slice()];
      for (const columns of [1, 15, 16, 37]) {
        const byColumns = maths.chunk(2 * width, columns, { bits: 8, blockSize: 16 });
        byColumns.set(matrix(2 * width, columns));
        maths.turnColumns(byColumns, turn, columns, width);
        turned.push(byColumns.slice());
      }
      return turned;
    });
    assert.deepEqual(results[0], results[1]);
  }
});

test("a number that is not finite is found at its place", () => {
  const [rows, dim] = [4, 64];
  const turn = new StreamTurn(dim, 64);
  const norm = new Float32Array(dim).fill(1);
  for (const maths of [fast, plain]) {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (const bits of [4, 8] as const) {
        const format = { bits, blockSize: 32 } as const;
        const bad = () => {
          const chunk = maths.chunk(rows, dim, format);
          chunk.set(matrix(rows, dim));
          chunk[2 * dim + 40] = value;
          return chunk;
        };
        const { packedBytes, scaleCount, zeroBytes } = quantizedSize(rows, dim, format);
        const target = [new Uint8Array(packedBytes), new Float32Array(scaleCount), new Uint8Array(zeroBytes)] as const;
        const at = (error: unknown) => error instanceof NotFiniteError && error.row === 2 && error.column === 40;
        assert.throws(() => maths.quantize(bad(), rows, dim, format, ...target), at);
        assert.throws(() => maths.turnRows(bad(), turn, norm), at);
        assert.throws(() => maths.turnColumns(bad().subarray(0, 64 * 4), turn, 4, 0), NotFiniteError);
      }
    }
  }
});
