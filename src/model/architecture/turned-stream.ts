/**
 * Turns the residual stream by an orthogonal matrix, so that no channel is much larger than the others of its block and int8
 * activations lose less (QuaRot, arXiv:2404.00456, without its steps at run time). Does not know files or sessions.
 *
 * The matrix is R = diag(signs) · blocks of a Hadamard matrix. The stream is h R instead of h; a matrix that reads it has
 * (W · diag(norm)) R, with the norm's weights folded in, and one that writes to it Rᵀ W. The model computes the same function.
 */
import type { ModelConfig } from "../config/config.js";
import type { ComputeType } from "./compute-type.js";
import { checkFinite } from "./quantize.js";
import { hasRows, storedMatrices } from "./recipe.js";
import { type Part, TENSORS, type TensorKind } from "./tensor-table.js";

/** Longest block of the Hadamard matrix: 64 channels are enough for an outlier, and take two rounds of `transform`. */
const MAX_WIDTH = 64;
/** The same where a whole row of activations has one scale: the others of the row would lose by an outlier that is spread over few. */
const MAX_ROW_WIDTH = 512;
/** A shorter one would spread an outlier over too few channels. */
const MIN_WIDTH = 16;
/** Columns that are turned at once, next to each other in memory. */
const STRIP = 16;

/**
 * Length of the blocks in which the stream is turned, a power of two that divides dim; 0 if it is not turned: int4 loses more
 * with it (its weights are then as evenly distributed as noise), and blocks of a file are handed on as they are.
 */
export function turnWidth(config: ModelConfig, dtype: ComputeType): number {
  if (dtype !== "int8" || storedMatrices(config, dtype).length > 0) return 0;
  const width = Math.min(config.dim & -config.dim, hasRows(config, dtype) ? MAX_ROW_WIDTH : MAX_WIDTH);
  return width < MIN_WIDTH ? 0 : width;
}

/** The norm whose output the first matrix of a part reads. */
export function normOf(part: Part): TensorKind {
  const norm = { qkv: TENSORS.attentionNorm, ffn: TENSORS.ffnNorm, head: TENSORS.norm, wo: null, embed: null }[part];
  if (norm === null) throw new RangeError(`${part} has no norm`);
  return norm;
}

/** 1 or -1 for a channel of the stream, from a hash (Wellons' lowbias32): a constant would otherwise end up in one channel of a block. */
function signOf(channel: number): 1 | -1 {
  let x = Math.imul(channel ^ (channel >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) & 1 ? -1 : 1;
}

/** The Hadamard matrix [width, width], divided by the square root of width: what the graph turns an input by. */
export function hadamard(width: number): Float32Array {
  const matrix = new Float32Array(width * width);
  for (let i = 0; i < width; i++) matrix[i * width + i] = 1;
  new StreamTurn(width, width, false).turnRows(matrix);
  return matrix;
}

/** Turns blocks of `width` channels; holds what that needs, so that nothing is allocated for a row. */
export class StreamTurn {
  readonly width: number;
  /** What a channel is multiplied with: its sign, and 1 / sqrt(width). [dim] */
  readonly factors: Float64Array;
  readonly #scratch: Float64Array;
  readonly #dim: number;

  /** `hasSigns`: false for the input of a matrix, which the graph turns by the Hadamard matrix alone. */
  constructor(dim: number, width: number, hasSigns = true) {
    const scale = 1 / Math.sqrt(width);
    this.#dim = dim;
    this.width = width;
    this.factors = Float64Array.from({ length: dim }, (_, channel) => (hasSigns ? signOf(channel) : 1) * scale);
    this.#scratch = new Float64Array(STRIP * width);
  }

  /** Rows of the stream, or of a matrix that reads it, in place: row · diag(norm) · R. [rows, dim]. Throws a NotFiniteError for a NaN or an infinity. */
  turnRows(values: Float32Array, norm?: Float32Array): void {
    const factors = norm ? this.factors.map((factor, i) => factor * norm[i]!) : this.factors;
    const [dim, width, scratch] = [this.#dim, this.width, this.#scratch];
    for (let start = 0, channel = 0; start < values.length; start += width) {
      let check = 0;
      for (let i = 0; i < width; i++) {
        const value = values[start + i]!;
        check += value - value;
        scratch[i] = value * factors[channel + i]!;
      }
      if (check !== 0) checkFinite(values, dim);
      transform(scratch, 0, width);
      for (let i = 0; i < width; i++) values[start + i] = scratch[i]!;
      channel += width;
      if (channel === dim) channel = 0;
    }
  }

  /** A matrix that writes to the stream, in place: Rᵀ · matrix, of its rows from channel `first` on, whole blocks. [rows, columns]. Throws a NotFiniteError for a NaN or an infinity. */
  turnColumns(values: Float32Array, columns: number, first: number): void {
    const [factors, width, scratch] = [this.factors, this.width, this.#scratch];
    const rows = values.length / columns;
    for (let top = 0; top < rows; top += width) {
      for (let left = 0; left < columns; left += STRIP) {
        const count = Math.min(STRIP, columns - left);
        let check = 0;
        for (let i = 0; i < width; i++) {
          const at = (top + i) * columns + left;
          const factor = factors[first + top + i]!;
          for (let j = 0; j < count; j++) {
            const value = values[at + j]!;
            check += value - value;
            scratch[j * width + i] = value * factor;
          }
        }
        if (check !== 0) checkFinite(values, columns);
        for (let j = 0; j < count; j++) transform(scratch, j * width, width);
        for (let i = 0; i < width; i++) {
          const at = (top + i) * columns + left;
          for (let j = 0; j < count; j++) values[at + j] = scratch[j * width + i]!;
        }
      }
    }
  }
}

/** Multiplies `width` numbers from `at` on by the Hadamard matrix of that size, in place: three steps at once, and one by one what is left. */
function transform(x: Float64Array, at: number, width: number): void {
  const end = at + width;
  let step = 1;
  for (; step * 8 <= width; step *= 8) {
    for (let start = at; start < end; start += step * 8) {
      for (let i = start; i < start + step; i++) eight(x, i, step);
    }
  }
  for (; step < width; step *= 2) {
    for (let start = at; start < end; start += step * 2) {
      for (let i = start; i < start + step; i++) {
        const a = x[i]!;
        const b = x[i + step]!;
        x[i] = a + b;
        x[i + step] = a - b;
      }
    }
  }
}

/** Three steps for eight numbers, `step` apart. */
function eight(x: Float64Array, i: number, step: number): void {
  const i1 = i + step;
  const i2 = i1 + step;
  const i3 = i2 + step;
  const i4 = i3 + step;
  const i5 = i4 + step;
  const i6 = i5 + step;
  const i7 = i6 + step;
  const x0 = x[i]! + x[i1]!;
  const x1 = x[i]! - x[i1]!;
  const x2 = x[i2]! + x[i3]!;
  const x3 = x[i2]! - x[i3]!;
  const x4 = x[i4]! + x[i5]!;
  const x5 = x[i4]! - x[i5]!;
  const x6 = x[i6]! + x[i7]!;
  const x7 = x[i6]! - x[i7]!;
  x[i] = x0 + x2 + (x4 + x6);
  x[i1] = x1 + x3 + (x5 + x7);
  x[i2] = x0 - x2 + (x4 - x6);
  x[i3] = x1 - x3 + (x5 - x7);
  x[i4] = x0 + x2 - (x4 + x6);
  x[i5] = x1 + x3 - (x5 + x7);
  x[i6] = x0 - x2 - (x4 - x6);
  x[i7] = x1 - x3 - (x5 - x7);
}
