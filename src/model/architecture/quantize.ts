/**
 * Quantises weights to 4 or 8 bits in blocks along a row, as onnxruntime's MatMulNBits stores them, or in whole rows.
 * Does not know tensors or files.
 */
import { quantizeBlock4 } from "./grid-search.js";

/** Bits per weight, and the number of weights that share a scale. */
export interface QuantFormat {
  bits: 4 | 8;
  /** "row": signed numbers of 8 bits with a scale for a whole row, whose activations have a scale for each token. */
  blockSize: 16 | 32 | 64 | 128 | "row";
  /** Length of the blocks in which the input is turned while the model runs, and the columns of the weights before (turned-stream.ts). */
  inputTurn?: number;
  /** The file has these blocks, and they are handed on as they are (stored-blocks.ts). */
  isStored?: true;
  /** Each block also has a number that is added to its weights. */
  hasOffsets?: true;
}

/** A format in blocks of a fixed length. */
export type BlockFormat = QuantFormat & { blockSize: number };

/** Sizes of a quantised matrix: its weights are [rows, blocks, blockBytes], its scales [rows, blocks], its zero points [rows, zeroBytes / rows]. */
export interface QuantizedSize {
  /** Blocks of a row; the last one may be partial and is padded to its full size. */
  blocks: number;
  blockBytes: number;
  packedBytes: number;
  scaleCount: number;
  /** Zero points of 4 bits, two in a byte; 0 in 8 bits, and for blocks of a file, whose zero point is always the middle. */
  zeroBytes: number;
}

export function quantizedSize(rows: number, columns: number, format: QuantFormat): QuantizedSize {
  const { bits, isStored } = format;
  const blockSize = blockLength(columns, format);
  const blocks = Math.ceil(columns / blockSize);
  const blockBytes = (blockSize * bits) / 8;
  const zeroBytes = bits === 4 && !isStored ? rows * Math.ceil(blocks / 2) : 0;
  return { blocks, blockBytes, packedBytes: rows * blocks * blockBytes, scaleCount: rows * blocks, zeroBytes };
}

/** Weights of a block of a row of `columns`. */
export function blockLength(columns: number, { blockSize }: QuantFormat): number {
  return blockSize === "row" ? columns : blockSize;
}

/** Thrown for a weight that is NaN or infinite, which no scale can represent; row and column are those of the given matrix. */
export class NotFiniteError extends Error {
  override readonly name = "NotFiniteError";
  readonly row: number;
  readonly column: number;
  readonly value: number;

  constructor(row: number, column: number, value: number) {
    super(`the weight in row ${row}, column ${column} is ${value}`);
    this.row = row;
    this.column = column;
    this.value = value;
  }
}

const NO_ZEROS = new Uint8Array(0);

/**
 * Quantises values [rows, columns] into `packed`, `scales` and `zeros` of `quantizedSize`: weight = (q - zero) * scale, with q
 * unsigned. In 8 bits the zero point is 128 (in rows q is stored less that, signed); in 4 bits (the lower nibble first) every block has its own, and a scale may be negative.
 * The result for a block depends on its values alone, so splitting a matrix at blocks does not change it.
 * Throws a NotFiniteError for a NaN or an infinity.
 */
export function quantizeRows(
  values: Float32Array,
  rows: number,
  columns: number,
  format: QuantFormat,
  packed: Uint8Array,
  scales: Float32Array,
  zeros: Uint8Array = NO_ZEROS,
): void {
  const { bits } = format;
  const blockSize = blockLength(columns, format);
  const zero = format.blockSize === "row" ? 0x80 : 0;
  const { blocks, blockBytes, packedBytes, scaleCount, zeroBytes } = quantizedSize(rows, columns, format);
  if (
    values.length !== rows * columns ||
    packed.length !== packedBytes ||
    scales.length !== scaleCount ||
    zeros.length !== zeroBytes
  ) {
    const found = [values, packed, scales, zeros].map(({ length }) => length);
    throw new RangeError(`arrays of ${found.join(", ")} for ${rows} x ${columns}`);
  }
  // A copy of the block, so that inner loops have one fixed array of doubles; its padding stays zero.
  const block = new Float64Array(blockSize);
  const zeroRow = zeroBytes / rows;
  for (let row = 0, index = 0; row < rows; row++) {
    const rowStart = row * columns;
    for (let b = 0; b < blocks; b++, index++) {
      const start = rowStart + b * blockSize;
      const end = Math.min(start + blockSize, rowStart + columns);
      if (end - start < blockSize) block.fill(0);
      let least = 0;
      let greatest = 0;
      // Becomes NaN with a weight that is not finite.
      let check = 0;
      for (let i = start; i < end; i++) {
        const value = values[i]!;
        block[i - start] = value;
        check += value - value;
        if (value > greatest) greatest = value;
        if (value < least) least = value;
      }
      if (check !== 0) checkFinite(values, columns);
      const to = index * blockBytes;
      if (bits === 8) {
        scales[index] = quantizeBlock8(block, Math.max(greatest, -least), packed, to, zero);
      } else {
        const found = quantizeBlock4(block, least, greatest, packed, to);
        scales[index] = found.scale;
        const at = row * zeroRow + (b >> 1);
        zeros[at] = b % 2 === 0 ? found.zero : zeros[at]! | (found.zero << 4);
      }
    }
  }
}

/** Throws a NotFiniteError for the first number of rows that is NaN or infinite. */
export function checkFinite(values: Float32Array, columns: number): void {
  let check = 0;
  for (let i = 0; i < values.length; i++) check += values[i]! - values[i]!;
  if (check === 0) return;
  const at = values.findIndex((value) => !Number.isFinite(value));
  throw new NotFiniteError(Math.floor(at / columns), at % columns, values[at]!);
}

/** Scales by the largest magnitude and rounds to the nearest q from -127 to 127. */
function quantizeBlock8(block: Float64Array, largest: number, packed: Uint8Array, to: number, zero: number): number {
  const scale = Math.fround(largest / 127);
  // In double precision, since the inverse of a subnormal scale exceeds float32. Such a scale is coarse and may be 0, so q is clipped.
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let i = 0; i < block.length; i++) {
    let q = (block[i]! * inverse + 128.5) | 0;
    if (q > 255) q = 255;
    else if (q < 1) q = 1;
    packed[to + i] = q ^ zero;
  }
  return scale;
}
