/** Reads rectangular regions of tensors from checkpoint files as float32, with bounded memory. Does not know what the tensors are for. */

import { LlamaError } from "../../error.js";
import type { Range } from "./range.js";
import { MAX_READ, StorageReader } from "./storage-reader.js";
import { ELEMENT_BYTES, type FloatType, isBlockType, type StoredTensor } from "./stored-tensor.js";
import { convertToFloat32 } from "./to-float32.js";

/** A tensor whose numbers are stored one by one. */
type FloatTensor = StoredTensor & { dtype: FloatType };

/** Called with elements of one row, starting at `column`; `bytes` is valid only during the call. */
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
    checkRange(entry, rows, matrix.height);
    checkRange(entry, columns, matrix.width);
    const [height, width] = [rows.end - rows.start, columns.end - columns.start];
    if (height === 0 || width === 0) return;
    this.#isFullTensor = width === matrix.width && (this.#readsInOrder || height === matrix.height);
    const { dtype } = entry;
    if (isBlockType(dtype)) throw new LlamaError("model", `${dtype} is not supported`, { where: entry.name });
    const visit: Visit = (bytes, row, column) => {
      const at = outOffset + (row - rows.start) * outRowStride + column - columns.start;
      convertToFloat32(dtype, bytes, out, at);
    };
    const floats = entry as FloatTensor;
    if (matrix.columnStride === 1 || width === 1) this.#visitRuns(floats, matrix, rows, columns, visit);
    else this.#visitTiles(floats, matrix, rows, columns, visit);
  }

  /** Closes all files; the next read opens them again. */
  close(): void {
    this.#storages.close();
    this.#tile = undefined;
  }

  /** For rows of contiguous elements: reads as many rows at once as fit, unless the gaps are worth skipping. */
  #visitRuns(entry: FloatTensor, matrix: Matrix, rows: Range, columns: Range, visit: Visit): void {
    const size = ELEMENT_BYTES[entry.dtype];
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
      for (let done = 0; done < rowBytes; done += MAX_READ) {
        const offset = first + (row - rows.start) * pitch + done;
        const bytes = this.#read(entry, offset, Math.min(MAX_READ, rowBytes - done));
        visit(bytes, row, columns.start + done / size);
      }
    }
  }

  /** For all other strides, for example transposed tensors: gathers one tile after another. */
  #visitTiles(entry: FloatTensor, matrix: Matrix, rows: Range, columns: Range, visit: Visit): void {
    const size = ELEMENT_BYTES[entry.dtype];
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

  #gather(entry: FloatTensor, matrix: Matrix, row: number, column: number, height: number, width: number): Uint8Array {
    const size = ELEMENT_BYTES[entry.dtype];
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

/** A tensor of at most two axes as rows and columns, in elements. */
interface Matrix {
  height: number;
  width: number;
  rowStride: number;
  columnStride: number;
  offset: number;
}

function asMatrix({ name, shape, strides, storageOffset: offset, storage }: StoredTensor): Matrix {
  if (shape.length > 2) {
    throw new LlamaError("model", "has too many axes", {
      where: `${storage.file}: ${name}`,
      expected: "at most 2",
      found: `[${shape.join(", ")}]`,
    });
  }
  const [height, width] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
  return { height, width, rowStride: strides.at(-2) ?? 0, columnStride: strides.at(-1) ?? 1, offset };
}

function checkRange(entry: StoredTensor, { start, end }: Range, size: number): void {
  if (start < 0 || start > end || end > size) {
    throw new RangeError(`[${start}, ${end}) is outside ${entry.name} of shape [${entry.shape.join(", ")}]`);
  }
}
