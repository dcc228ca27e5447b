/** Reads rectangular regions of tensors from checkpoint files as float32, with bounded memory. Does not know what the tensors are for. */

import { LlamaError } from "../../error.js";
import type { Range } from "./range.js";
import { MAX_READ, StorageReader } from "./storage-reader.js";
import { BLOCK_SIZES, ELEMENT_BYTES, isBlockType, type StoredTensor } from "./stored-tensor.js";
import { convertColumns, convertToFloat32 } from "./to-float32.js";

/** Called with elements or blocks of one row, starting at `column`; `bytes` is valid only during the call. */
type Visit = (bytes: Uint8Array, row: number, column: number) => void;

/** For rows shorter than this, reading the gap to the next row costs less than another system call. */
const MIN_SEGMENT = 4096;
/** Unless the gap is longer than this. */
const MAX_PITCH = 128 * 1024;

export class TensorReader {
  readonly #storages: StorageReader;
  readonly #readsInOrder: boolean;
  #tile: Uint8Array | undefined;
  /** Whether the region being read is the whole tensor, or the next part of one that is read in order. */
  #isFullTensor = false;

  /** Calls `onBytes` with the bytes of each read from disk; `readsInOrder` says that each tensor is read row by row from the top. */
  constructor(onBytes?: (bytes: number) => void, readsInOrder = false) {
    this.#storages = new StorageReader(onBytes);
    this.#readsInOrder = readsInOrder;
  }

  /**
   * Writes rows x columns of a tensor as float32 into `out`, row after row from `outOffset`; the starts of two rows are
   * `outRowStride` elements apart. A tensor of one axis is one row. Throws a LlamaError if the file cannot be read.
   */
  readRegion(
    entry: StoredTensor,
    rows: Range,
    columns: Range,
    out: Float32Array,
    outOffset = 0,
    outRowStride: number = columns.end - columns.start,
  ): void {
    const matrix = asMatrix(entry);
    const { dtype } = entry;
    const { numbers } = matrix;
    checkRange(entry, rows, matrix.height);
    checkRange(entry, columns, matrix.width * numbers);
    if (rows.end === rows.start || columns.end === columns.start) return;
    const units = { start: Math.floor(columns.start / numbers), end: Math.ceil(columns.end / numbers) };
    const width = units.end - units.start;
    this.#isFullTensor = width === matrix.width && (this.#readsInOrder || rows.end - rows.start === matrix.height);
    const visit: Visit = (bytes, row, column) => {
      const at = outOffset + (row - rows.start) * outRowStride - columns.start;
      if (isBlockType(dtype)) convertColumns(dtype, bytes, column * numbers, columns, out, at);
      else convertToFloat32(dtype, bytes, out, at + column);
    };
    if (matrix.columnStride === 1 || width === 1) this.#visitRuns(entry, matrix, rows, units, visit);
    else this.#visitTiles(entry, matrix, rows, units, visit);
  }

  /**
   * Calls `visit` with the bytes of whole blocks of a tensor of a block type, in order: blocks of `row` from `column` on. The
   * columns must begin and end with a block. Throws a LlamaError if the file cannot be read.
   */
  readBlocks(entry: StoredTensor, rows: Range, columns: Range, visit: Visit): void {
    const matrix = asMatrix(entry);
    const { numbers } = matrix;
    checkRange(entry, rows, matrix.height);
    checkRange(entry, columns, matrix.width * numbers);
    if (columns.start % numbers !== 0 || columns.end % numbers !== 0) {
      throw new RangeError(`columns ${columns.start} to ${columns.end} are not whole blocks of ${entry.name}`);
    }
    if (rows.end === rows.start || columns.end === columns.start) return;
    const units = { start: columns.start / numbers, end: columns.end / numbers };
    this.#visitRuns(entry, matrix, rows, units, (bytes, row, column) => visit(bytes, row, column * numbers));
  }

  /** Closes all files; the next read opens them again. */
  close(): void {
    this.#storages.close();
    this.#tile = undefined;
  }

  /** For rows of contiguous units: reads as many rows at once as fit, unless the gaps are worth skipping. */
  #visitRuns(entry: StoredTensor, matrix: Matrix, rows: Range, columns: Range, visit: Visit): void {
    const { size } = matrix;
    const rowBytes = (columns.end - columns.start) * size;
    const pitch = matrix.rowStride * size;
    const first = (matrix.offset + rows.start * matrix.rowStride + columns.start * matrix.columnStride) * size;
    const packed = pitch === rowBytes && pitch <= MAX_READ;
    const close = pitch > rowBytes && pitch <= MAX_PITCH && rowBytes < MIN_SEGMENT;
    if (packed || close) {
      const block = Math.floor((MAX_READ - rowBytes) / pitch) + 1;
      for (let row = rows.start; row < rows.end; row += block) {
        const count = Math.min(block, rows.end - row);
        const bytes = this.#read(entry, first + (row - rows.start) * pitch, (count - 1) * pitch + rowBytes);
        for (let i = 0; i < count; i++) visit(bytes.subarray(i * pitch, i * pitch + rowBytes), row + i, columns.start);
      }
      return;
    }
    for (let row = rows.start; row < rows.end; row++) {
      const most = MAX_READ - (MAX_READ % size);
      for (let done = 0; done < rowBytes; done += most) {
        const offset = first + (row - rows.start) * pitch + done;
        const bytes = this.#read(entry, offset, Math.min(most, rowBytes - done));
        visit(bytes, row, columns.start + done / size);
      }
    }
  }

  /** For all other strides, for example transposed tensors: gathers one tile after another. */
  #visitTiles(entry: StoredTensor, matrix: Matrix, rows: Range, columns: Range, visit: Visit): void {
    const { size } = matrix;
    const width = Math.min(columns.end - columns.start, MAX_READ / size);
    const height = Math.max(1, Math.floor(MAX_READ / (width * size)));
    for (let row = rows.start; row < rows.end; row += height) {
      for (let column = columns.start; column < columns.end; column += width) {
        const tileRows = Math.min(height, rows.end - row);
        const tileColumns = Math.min(width, columns.end - column);
        const tile = this.#gather(entry, matrix, row, column, tileRows, tileColumns);
        const bytes = tileColumns * size;
        for (let i = 0; i < tileRows; i++) visit(tile.subarray(i * bytes, (i + 1) * bytes), row + i, column);
      }
    }
  }

  #gather(entry: StoredTensor, matrix: Matrix, row: number, column: number, height: number, width: number): Uint8Array {
    const { size } = matrix;
    this.#tile ??= new Uint8Array(MAX_READ);
    const tile = this.#tile;
    // The inner loop runs over the axis with the smaller stride, so that a read covers as many elements as possible.
    const rowsInside = matrix.rowStride < matrix.columnStride;
    const [outerCount, innerCount] = rowsInside ? [width, height] : [height, width];
    const [outerStep, innerStep] = rowsInside
      ? [matrix.columnStride * size, matrix.rowStride * size]
      : [matrix.rowStride * size, matrix.columnStride * size];
    const [outerTarget, innerTarget] = rowsInside ? [size, width * size] : [width * size, size];
    const origin = (matrix.offset + row * matrix.rowStride + column * matrix.columnStride) * size;
    for (let outer = 0; outer < outerCount; outer++) {
      let window: Uint8Array = tile.subarray(0, 0);
      let windowStart = 0;
      const last = origin + outer * outerStep + (innerCount - 1) * innerStep + size;
      for (let inner = 0; inner < innerCount; inner++) {
        const source = origin + outer * outerStep + inner * innerStep;
        if (inner === 0 || source + size > windowStart + window.length) {
          window = this.#read(entry, source, Math.min(MAX_READ, last - source));
          windowStart = source;
        }
        const target = outer * outerTarget + inner * innerTarget;
        for (let i = 0; i < size; i++) tile[target + i] = window[source - windowStart + i]!;
      }
    }
    return tile;
  }

  /** Reads bytes of a tensor's storage; valid until the next call. */
  #read({ name, storage }: StoredTensor, offset: number, length: number): Uint8Array {
    return this.#storages.read(name, storage, offset, length, this.#isFullTensor);
  }
}

/** A tensor of at most two axes as rows and columns, in units: elements, or blocks of elements. */
interface Matrix {
  height: number;
  width: number;
  rowStride: number;
  columnStride: number;
  offset: number;
  /** Bytes of a unit. */
  size: number;
  /** Elements of a unit. */
  numbers: number;
}

function asMatrix({ name, dtype, shape, strides, storageOffset, storage }: StoredTensor): Matrix {
  if (shape.length > 2) {
    throw new LlamaError("model", "has too many axes", {
      where: `${storage.file}: ${name}`,
      expected: "at most 2",
      found: `[${shape.join(", ")}]`,
    });
  }
  const [height, width] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
  const [rowStride, columnStride] = [strides.at(-2) ?? 0, strides.at(-1) ?? 1];
  if (!isBlockType(dtype)) {
    return { height, width, rowStride, columnStride, offset: storageOffset, size: ELEMENT_BYTES[dtype], numbers: 1 };
  }
  // Blocks are never transposed: they lie along a row, and each row has whole ones.
  const { numbers, bytes } = BLOCK_SIZES[dtype];
  return {
    ...{ height, width: width / numbers, rowStride: rowStride / numbers, columnStride: 1 },
    ...{ offset: storageOffset / numbers, size: bytes, numbers },
  };
}

function checkRange(entry: StoredTensor, { start, end }: Range, size: number): void {
  if (start < 0 || start > end || end > size) {
    throw new RangeError(`[${start}, ${end}) is outside ${entry.name} of shape [${entry.shape.join(", ")}]`);
  }
}
