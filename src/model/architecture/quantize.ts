/**
 * Quantises weights to 4 or 8 bits in blocks along a row, as onnxruntime's MatMulNBits stores them.
 * Does not know tensors or files.
 */

/** Bits per weight, and the number of weights that share a scale. */
export interface QuantFormat {
  bits: 4 | 8;
  blockSize: 16 | 32 | 64 | 128;
  /** The file has these blocks, and they are handed on as they are (stored-blocks.ts). */
  isStored?: true;
  /** Each block also has a number that is added to its weights. */
  hasOffsets?: true;
}

/** Sizes of a quantised matrix: its weights are [rows, blocks, blockBytes], its scales [rows, blocks]. */
export interface QuantizedSize {
  /** Blocks of a row; the last one may be partial and is padded to its full size. */
  blocks: number;
  blockBytes: number;
  packedBytes: number;
  scaleCount: number;
}

export function quantizedSize(rows: number, columns: number, { bits, blockSize }: QuantFormat): QuantizedSize {
  const blocks = Math.ceil(columns / blockSize);
  const blockBytes = (blockSize * bits) / 8;
  return { blocks, blockBytes, packedBytes: rows * blocks * blockBytes, scaleCount: rows * blocks };
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

const INFINITY_BITS = 0x7f800000;

/**
 * Quantises values [rows, columns] into `packed` and `scales` of `quantizedSize`: weight = (q - zero) * scale, with q
 * unsigned and zero 8 (4 bits, the lower nibble first) or 128 (8 bits). A scale may be negative.
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
): void {
  const { bits, blockSize } = format;
  const { blockBytes, packedBytes, scaleCount } = quantizedSize(rows, columns, format);
  if (values.length !== rows * columns || packed.length !== packedBytes || scales.length !== scaleCount) {
    throw new RangeError(`arrays of ${values.length}, ${packed.length}, ${scales.length} for ${rows} x ${columns}`);
  }
  const quantizeBlock = bits === 4 ? quantizeBlock4 : quantizeBlock8;
  // Compared as integers, magnitudes of floats have the same order, and those that are not finite are the largest.
  const valueBits = new Int32Array(values.buffer, values.byteOffset, values.length);
  // A copy of the block, so that inner loops have one fixed array of doubles; its padding stays zero.
  const block = new Float64Array(blockSize);
  for (let row = 0, index = 0; row < rows; row++) {
    const rowEnd = (row + 1) * columns;
    for (let start = row * columns; start < rowEnd; start += blockSize, index++) {
      const end = Math.min(start + blockSize, rowEnd);
      if (end - start < blockSize) block.fill(0);
      let largest = 0;
      let largestAt = start;
      for (let i = start; i < end; i++) {
        block[i - start] = values[i]!;
        const magnitude = valueBits[i]! & 0x7fffffff;
        if (magnitude > largest) {
          largest = magnitude;
          largestAt = i;
        }
      }
      if (largest >= INFINITY_BITS) throw new NotFiniteError(row, largestAt - row * columns, values[largestAt]!);
      const to = index * blockBytes;
      if (largest === 0) {
        packed.fill(bits === 4 ? 0x88 : 128, to, to + blockBytes);
        scales[index] = 0;
      } else {
        scales[index] = quantizeBlock(block, values[largestAt]!, packed, to);
      }
    }
  }
}

/** Scales by the largest magnitude and rounds to the nearest q from -127 to 127. */
function quantizeBlock8(block: Float64Array, largest: number, packed: Uint8Array, to: number): number {
  const scale = Math.fround(Math.abs(largest) / 127);
  // In double precision, since the inverse of a subnormal scale exceeds float32. Such a scale is coarse and may be 0, so q is clipped.
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let i = 0; i < block.length; i++) {
    let q = (block[i]! * inverse + 128.5) | 0;
    if (q > 255) q = 255;
    else if (q < 1) q = 1;
    packed[to + i] = q;
  }
  return scale;
}

/**
 * Scales to try, each given as the unrounded q of the block's largest weight; q is clipped to -8 and 7.
 * The negative ones invert the signs of the block, so that its largest weight uses the longer side of q.
 */
const TRIED = [-8, -8.6, -9.5, -10.6, 7, 7.6, 8.5, 9.5] as const;
/** For the search, weights divided by the largest of their block are sorted into bins of equal width from -1 to 1. */
const BINS = 256;
/** The sum of a block's errors in these units stays below PAIR. */
const ERROR_UNIT = 2 ** -18;
const PAIR = 2 ** 26;
/** Squared error of a weight in the middle of a bin for a tried scale, in whole ERROR_UNITs. */
function binError(bin: number, tried: number): number {
  const weight = (bin + 0.5) / (BINS / 2) - 1;
  const q = Math.min(Math.max(Math.round(weight * tried), -8), 7);
  return Math.round((weight - q / tried) ** 2 / ERROR_UNIT);
}
/** [BINS, TRIED / 2]: two errors share a double, which adds both at once. */
const ERRORS = Float64Array.from({ length: (BINS * TRIED.length) / 2 }, (_, i) => {
  const [bin, pair] = [Math.floor(i / 4), (i % 4) * 2];
  return binError(bin, TRIED[pair]!) * PAIR + binError(bin, TRIED[pair + 1]!);
});

/**
 * Uses the scale of least squared error: the best of TRIED gives the nearest q, and the scale is then fitted to these q,
 * sum(w q) / sum(q q). Search and fit are those of llama.cpp's make_qx_quants (ggml-quants.c), but without its weighting by
 * w * w, which measured worse; the table of errors makes the search cheap enough to run while loading.
 */
function quantizeBlock4(block: Float64Array, largest: number, packed: Uint8Array, to: number): number {
  const size = block.length;
  const toBin = (BINS / 2 - 0.01) / largest;
  // One variable for each pair of TRIED, so that the loop does not write to memory.
  let e0 = 0;
  let e1 = 0;
  let e2 = 0;
  let e3 = 0;
  for (let i = 0; i < size; i++) {
    const at = ((block[i]! * toBin + BINS / 2) | 0) * 4;
    e0 += ERRORS[at]!;
    e1 += ERRORS[at + 1]!;
    e2 += ERRORS[at + 2]!;
    e3 += ERRORS[at + 3]!;
  }
  const tried = bestOfPairs(e0, e1, e2, e3);

  const inverse = TRIED[tried]! / largest;
  let sumWq = 0;
  let sumQq = 0;
  for (let i = 0; i < size; i += 2) {
    let low = (block[i]! * inverse + 8.5) | 0;
    let high = (block[i + 1]! * inverse + 8.5) | 0;
    if (low > 15) low = 15;
    else if (low < 0) low = 0;
    if (high > 15) high = 15;
    else if (high < 0) high = 0;
    packed[to + (i >> 1)] = low | (high << 4);
    low -= 8;
    high -= 8;
    sumWq += block[i]! * low + block[i + 1]! * high;
    sumQq = (sumQq + low * low + high * high) | 0;
  }
  return Math.fround(sumWq / sumQq);
}

/** Index of the smallest of eight errors, which are given in pairs. */
function bestOfPairs(...pairs: number[]): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const [i, pair] of pairs.entries()) {
    const high = Math.floor(pair / PAIR);
    const low = pair - high * PAIR;
    if (high < least) {
      least = high;
      best = 2 * i;
    }
    if (low < least) {
      least = low;
      best = 2 * i + 1;
    }
  }
  return best;
}
