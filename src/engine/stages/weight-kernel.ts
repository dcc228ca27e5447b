/**
 * Turns and quantises a chunk of weights: by a kernel in WebAssembly, or in JavaScript where it cannot run; both give the same bits.
 * Does not know tensors or files.
 */
import { searchTables } from "../../model/architecture/grid-search.js";
import {
  blockLength,
  checkFinite,
  type QuantFormat,
  quantizedSize,
  quantizeRows,
} from "../../model/architecture/quantize.js";
import type { StreamTurn } from "../../model/architecture/turned-stream.js";
import { moduleOf, type WasmMemory, wasm } from "../machine/webassembly.js";

const MODULE = new URL("weights.wasm", import.meta.url);
/** The module's own data comes first. */
const SPACE_START = 1024;
const UNIT = 65_536;
/** Eight pairs of columns as doubles, in the longest blocks that are turned. */
const SCRATCH_BYTES = 8 * 512 * 16;

/** One chunk at a time. All functions throw a NotFiniteError for a NaN or an infinity. */
export interface ChunkMaths {
  /** An array for a chunk of a matrix whose format is known; the earlier one is not valid any more. */
  chunk(rows: number, columns: number, format: QuantFormat): Float32Array;
  /** As StreamTurn.turnRows, for rows at the start of the chunk. */
  turnRows(values: Float32Array, turn: StreamTurn, norm: Float32Array | null): void;
  /** As StreamTurn.turnColumns. */
  turnColumns(values: Float32Array, turn: StreamTurn, columns: number, first: number): void;
  /** As quantizeRows. */
  quantize: typeof quantizeRows;
}

/** The kernel, or what does the same without it. */
export function chunkMaths(hasKernel = moduleOf(MODULE) !== null): ChunkMaths {
  return hasKernel ? new WeightKernel() : PLAIN;
}

const PLAIN: ChunkMaths = {
  chunk: (rows, columns) => new Float32Array(rows * columns),
  turnRows: (values, turn, norm) => turn.turnRows(values, norm ?? undefined),
  turnColumns: (values, turn, columns, first) => turn.turnColumns(values, columns, first),
  quantize: quantizeRows,
};

/** The functions of kernel/weights.ts; addresses are in bytes, results are 0 for a number that is not finite. */
interface Exports {
  turnRows(...args: number[]): number;
  turnColumns(...args: number[]): number;
  quantize8(...args: number[]): number;
  quantize4(...args: number[]): number;
}

class WeightKernel implements ChunkMaths {
  readonly #memory: WasmMemory;
  readonly #exports: Exports;
  readonly #tables: number;
  readonly #scratch: number;
  /** Where the factors of a stream are, if there are some, and after them the chunk. */
  readonly #factors: number;

  constructor() {
    const tables = searchTables();
    this.#memory = new wasm!.Memory({ initial: 1, maximum: UNIT });
    this.#tables = SPACE_START;
    this.#scratch = SPACE_START + Math.ceil(tables.length / 64) * 64;
    this.#factors = this.#scratch + SCRATCH_BYTES;
    this.#grow(this.#factors);
    this.#exports = new wasm!.Instance(moduleOf(MODULE)!, { env: { memory: this.#memory } }).exports as Exports;
    new Uint8Array(this.#memory.buffer, this.#tables, tables.length).set(tables);
  }

  chunk(rows: number, columns: number, format: QuantFormat): Float32Array {
    const { packedBytes, scaleCount, zeroBytes } = quantizedSize(rows, columns, format);
    // A factor for each row or column of a chunk is enough: the stream is one of the two.
    const start = this.#factors + 8 * Math.ceil(Math.max(rows, columns) / 8) * 8;
    const bytes = rows * columns * 4;
    this.#grow(start + bytes + packedBytes + 4 * scaleCount + zeroBytes + 3 * 16);
    return new Float32Array(this.#memory.buffer, start, rows * columns);
  }

  turnRows(values: Float32Array, turn: StreamTurn, norm: Float32Array | null): void {
    const dim = turn.factors.length;
    const factors = norm ? turn.factors.map((factor, i) => factor * norm[i]!) : turn.factors;
    new Float64Array(this.#memory.buffer, this.#factors, dim).set(factors);
    const rows = values.length / dim;
    const isDone = this.#exports.turnRows(values.byteOffset, rows, dim, turn.width, this.#factors, this.#scratch);
    if (!isDone) checkFinite(values, dim);
  }

  turnColumns(values: Float32Array, turn: StreamTurn, columns: number, first: number): void {
    const rows = values.length / columns;
    new Float64Array(this.#memory.buffer, this.#factors, rows).set(turn.factors.subarray(first, first + rows));
    const isDone = this.#exports.turnColumns(
      ...[values.byteOffset, rows, columns, turn.width, this.#factors, this.#scratch],
    );
    if (!isDone) checkFinite(values, columns);
  }

  quantize(
    values: Float32Array,
    rows: number,
    columns: number,
    format: QuantFormat,
    packed: Uint8Array,
    scales: Float32Array,
    zeros: Uint8Array = new Uint8Array(0),
  ): void {
    const { packedBytes, scaleCount, zeroBytes } = quantizedSize(rows, columns, format);
    const to = Math.ceil((values.byteOffset + values.byteLength) / 16) * 16;
    const scalesAt = to + packedBytes;
    const zerosAt = scalesAt + 4 * scaleCount;
    const matrix = [values.byteOffset, rows, columns, blockLength(columns, format)];
    const zero = format.blockSize === "row" ? 0x80 : 0;
    const isDone =
      format.bits === 8
        ? this.#exports.quantize8(...matrix, to, scalesAt, this.#scratch, zero)
        : this.#exports.quantize4(...matrix, to, scalesAt, zerosAt, this.#scratch, this.#tables);
    if (!isDone) checkFinite(values, columns);
    const { buffer } = this.#memory;
    packed.set(new Uint8Array(buffer, to, packedBytes));
    scales.set(new Float32Array(buffer, scalesAt, scaleCount));
    zeros.set(new Uint8Array(buffer, zerosAt, zeroBytes));
  }

  #grow(bytes: number): void {
    const missing = bytes - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / UNIT));
  }
}
