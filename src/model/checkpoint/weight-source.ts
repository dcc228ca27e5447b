/** Reads the numbers of a model from the files of a checkpoint, or makes them from a seed. Does not know what the tensors are for. */
import type { Range } from "../../formats/tensor/range.js";
import { TensorReader } from "../../formats/tensor/tensor-reader.js";
import { NotFiniteError } from "../architecture/quantize.js";
import { type PackedBlocks, packStored, STORED_BLOCK } from "../architecture/stored-blocks.js";
import type { Checkpoint } from "./checkpoint.js";
import { readSlice } from "./read-slice.js";

export interface WeightSource {
  /** Writes rows x columns of a tensor as float32 into `out`, row after row. Throws a LlamaError if a file cannot be read. */
  read(name: string, rows: Range, columns: Range, out: Float32Array): void;
  /**
   * Packs rows x columns of a tensor that the file has in blocks into `target`, with `bits` bits. Throws a LlamaError if a file
   * cannot be read, and a NotFiniteError for a bad scale.
   */
  readStored(name: string, rows: Range, columns: Range, bits: 4 | 8, target: PackedBlocks): void;
  close(): void;
}

/** Opens the weights of a checkpoint. Calls `onBytes` with the bytes read or made; `readsInOrder` says that each tensor is read row by row. */
export function openWeights(
  checkpoint: Checkpoint,
  onBytes?: (bytes: number) => void,
  readsInOrder = false,
): WeightSource {
  return checkpoint.seed === null
    ? new FileWeights(checkpoint, onBytes, readsInOrder)
    : new RandomWeights(checkpoint, onBytes);
}

class FileWeights implements WeightSource {
  readonly #tensors: Checkpoint["tensors"];
  readonly #reader: TensorReader;

  constructor({ tensors }: Checkpoint, onBytes: ((bytes: number) => void) | undefined, readsInOrder: boolean) {
    this.#tensors = tensors;
    this.#reader = new TensorReader(onBytes, readsInOrder);
  }

  read(name: string, rows: Range, columns: Range, out: Float32Array): void {
    readSlice(this.#reader, this.#tensors.get(name)!, rows, columns, out);
  }

  readStored(name: string, rows: Range, columns: Range, bits: 4 | 8, target: PackedBlocks): void {
    const { entry } = this.#tensors.get(name)!.pieces[0]!;
    const perRow = (columns.end - columns.start) / STORED_BLOCK;
    this.#reader.readBlocks(entry, rows, columns, (bytes, row, column) => {
      const first = (row - rows.start) * perRow + (column - columns.start) / STORED_BLOCK;
      try {
        packStored(entry.dtype, bytes, bits, target, first);
      } catch (error) {
        if (!(error instanceof NotFiniteError)) throw error;
        throw new NotFiniteError(row - rows.start, column - columns.start + error.column, error.value);
      }
    });
  }

  close(): void {
    this.#reader.close();
  }
}

/**
 * Uniform noise as large as the weights of a trained model: norms near 1, biases near 0, matrices with a standard
 * deviation of 1 / sqrt(columns). Splitting a tensor does not change its numbers.
 */
class RandomWeights implements WeightSource {
  readonly #checkpoint: Checkpoint;
  readonly #order: Map<string, number>;
  readonly #onBytes: ((bytes: number) => void) | undefined;

  constructor(checkpoint: Checkpoint, onBytes?: (bytes: number) => void) {
    this.#checkpoint = checkpoint;
    this.#order = new Map([...checkpoint.tensors.keys()].map((name, index) => [name, index]));
    this.#onBytes = onBytes;
  }

  read(name: string, rows: Range, columns: Range, out: Float32Array): void {
    const { shape } = this.#checkpoint.tensors.get(name)!;
    const isMatrix = shape.length > 1;
    const [offset, range] = isMatrix ? [0, Math.sqrt(3 / shape[1]!)] : [name.endsWith(".bias") ? 0 : 1, 0.1];
    const factor = range / 2 ** 31;
    const first = this.#checkpoint.seed! ^ Math.imul(this.#order.get(name)! + 1, 0x9e3779b1);
    let at = 0;
    for (let row = rows.start; row < rows.end; row++) {
      const stream = mix(first + row);
      for (let column = columns.start; column < columns.end; column++) {
        out[at++] = offset + mix(stream + Math.imul(column, 0x85ebca6b)) * factor;
      }
    }
    // the number of bytes of an fp16 file
    this.#onBytes?.(at * 2);
  }

  readStored(name: string): void {
    throw new RangeError(`${name} is not stored in blocks`);
  }

  close(): void {}
}

/** A 32-bit hash (Wellons' lowbias32). */
function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return x ^ (x >>> 16);
}
