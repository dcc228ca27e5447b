/** Random weights, quantised and back, for tests of quantisation. */
import { type BlockFormat, quantizedSize, quantizeRows } from "../../src/model/architecture/quantize.js";

/** Approximately normally distributed numbers from a seeded generator, with a few outliers. */
export function weights(count: number, seed: number): Float32Array {
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

export interface Quantized {
  packed: Uint8Array;
  scales: Float32Array;
  zeros: Uint8Array;
}

export function quantize(values: Float32Array, rows: number, columns: number, format: BlockFormat): Quantized {
  const { packedBytes, scaleCount, zeroBytes } = quantizedSize(rows, columns, format);
  const packed = new Uint8Array(packedBytes).fill(0x5a);
  const scales = new Float32Array(scaleCount).fill(Number.NaN);
  const zeros = new Uint8Array(zeroBytes).fill(0x5a);
  quantizeRows(values, rows, columns, format, packed, scales, zeros);
  return { packed, scales, zeros };
}

/** The zero point of a block of a row that has `blocks`. */
export function zeroOf(
  { zeros }: Quantized,
  { bits }: BlockFormat,
  blocks: number,
  row: number,
  block: number,
): number {
  if (bits === 8) return 128;
  return (zeros[row * Math.ceil(blocks / 2) + (block >> 1)]! >> (4 * (block % 2))) & 15;
}

/** All q of a quantised matrix, including padding: [rows, blocks * blockSize]. */
export function unpack({ packed }: Quantized, { bits }: BlockFormat): number[] {
  return bits === 8 ? [...packed] : [...packed].flatMap((byte) => [byte & 15, byte >> 4]);
}

export function dequantize(quantized: Quantized, rows: number, columns: number, format: BlockFormat): Float32Array {
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
