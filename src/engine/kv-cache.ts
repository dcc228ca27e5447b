/** Keys and values of one sequence on one rank. Token-major rows, so that any prefix is one contiguous view. */

const FIRST_CAPACITY = 256;

/** Memory: 2 * nLayers * capacity * width floats; the capacity doubles as the sequence grows. */
export class KvCache {
  readonly #keys: Float32Array[]; // per layer [capacity, width]
  readonly #values: Float32Array[];
  readonly #width: number;

  /** `width` = KV heads of the rank * headDim. */
  constructor(nLayers: number, width: number) {
    this.#width = width;
    this.#keys = Array.from({ length: nLayers }, () => new Float32Array(0));
    this.#values = Array.from({ length: nLayers }, () => new Float32Array(0));
  }

  /** Writes rows at `position`; whatever stood there or behind it is forgotten. `limit` bounds the growth, in tokens. */
  append(layer: number, position: number, k: Float32Array, v: Float32Array, limit: number): void {
    this.#keys[layer] = this.#write(this.#keys[layer]!, position, k, limit);
    this.#values[layer] = this.#write(this.#values[layer]!, position, v, limit);
  }

  /** The first `length` keys, [length, width], without a copy. */
  keys(layer: number, length: number): Float32Array {
    return this.#keys[layer]!.subarray(0, length * this.#width);
  }

  /** The first `length` values, [length, width], without a copy. */
  values(layer: number, length: number): Float32Array {
    return this.#values[layer]!.subarray(0, length * this.#width);
  }

  #write(store: Float32Array, position: number, rows: Float32Array, limit: number): Float32Array {
    const start = position * this.#width;
    const needed = start + rows.length;
    let target = store;
    if (needed > store.length) {
      const doubled = Math.max(FIRST_CAPACITY * this.#width, store.length * 2);
      target = new Float32Array(Math.max(needed, Math.min(doubled, limit * this.#width)));
      target.set(store.subarray(0, start));
    }
    target.set(rows, start);
    return target;
  }
}
