/** Where the numbers of a model come from: the files of a checkpoint, or a seed. Knows tensors, not what they are for. */
import type { Range } from "../../formats/tensor/range.js";
import { TensorReader } from "../../formats/tensor/tensor-reader.js";
import type { Checkpoint } from "./checkpoint.js";
import { readSlice } from "./read-slice.js";

export interface WeightSource {
  /** Writes rows x columns of a tensor as float32 into `out`, row after row. Throws LlamaError when a file fails. */
  read(name: string, rows: Range, columns: Range, out: Float32Array): void;
  close(): void;
}

/** Opens the weights of a checkpoint; `onBytes` is told of bytes read (or made), `readsInOrder` says that rows are read in turn. */
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

  close(): void {
    this.#reader.close();
  }
}

/** Even noise of the size a trained model has: norms near 1, matrices of deviation 1 / sqrt(columns). Any cut gives the same numbers. */
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
    const isNorm = shape.length === 1;
    const [offset, range] = isNorm ? [1, 0.1] : [0, Math.sqrt(3 / shape[1]!)];
    const factor = range / 2 ** 31;
    const first = this.#checkpoint.seed! ^ Math.imul(this.#order.get(name)! + 1, 0x9e3779b1);
    let at = 0;
    for (let row = rows.start; row < rows.end; row++) {
      const stream = mix(first + row);
      for (let column = columns.start; column < columns.end; column++) {
        out[at++] = offset + mix(stream + Math.imul(column, 0x85ebca6b)) * factor;
      }
    }
    // as many as an fp16 file would have
    this.#onBytes?.(at * 2);
  }

  close(): void {}
}

/** A hash of 32 bits (Wellons' lowbias32). */
function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return x ^ (x >>> 16);
}
