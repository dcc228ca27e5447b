/** The KV cache of one sequence on one rank: token-major rows for each group of heads, so that any prefix is one contiguous view. */
import { lengthOf, type Range } from "../../formats/tensor/range.js";
import type { Numbers } from "../stages/onnx-session.js";

/** Tokens that a KV cache has room for at first; the room doubles from there. */
export const FIRST_CAPACITY = 256;

/** Holds 2 * capacity * width numbers for each of its layers; the capacity doubles as the sequence grows. */
export class KvCache {
  /** Per layer and group [capacity, width of the group]. */
  readonly #keys: Numbers[][];
  readonly #values: Numbers[][];
  readonly #firstLayer: number;
  readonly #widths: readonly number[];
  readonly #width: number;
  readonly #array: Float32ArrayConstructor | Uint16ArrayConstructor;
  /** Maximum number of tokens. */
  limit: number;

  /** `widths`: KV heads * headDim of each group. `half`: store fp16 (as bits) instead of fp32. */
  constructor(layers: Range, widths: readonly number[], half: boolean, limit: number) {
    this.limit = limit;
    this.#array = half ? Uint16Array : Float32Array;
    const empty = () => widths.map(() => new this.#array(0));
    this.#firstLayer = layers.start;
    this.#widths = widths;
    this.#width = widths.reduce((a, b) => a + b);
    this.#keys = Array.from({ length: lengthOf(layers) }, empty);
    this.#values = Array.from({ length: lengthOf(layers) }, empty);
  }

  /** Writes rows (the groups side by side) at `position`; replaces what was there and invalidates everything after it. */
  append(layer: number, position: number, k: Numbers, v: Numbers): void {
    this.#write(this.#keys[layer - this.#firstLayer]!, position, k);
    this.#write(this.#values[layer - this.#firstLayer]!, position, v);
  }

  /** Copies the first `length` rows of another cache of the same shape. */
  copyFrom(source: KvCache, length: number): void {
    for (const [stores, others] of [
      [this.#keys, source.#keys],
      [this.#values, source.#values],
    ] as const) {
      for (const [index, groups] of others.entries()) {
        for (const [group, other] of groups.entries()) {
          const width = this.#widths[group]!;
          const target = grown(stores[index]![group]!, 0, length, width, this.limit);
          target.set(other.subarray(0, length * width));
          stores[index]![group] = target;
        }
      }
    }
  }

  /** Copies the first `length` keys and values of a layer, [2, length, width]: rows in the layout of append(), as bytes. */
  save(layer: number, length: number): Uint8Array {
    const rows = new this.#array(2 * length * this.#width);
    const index = layer - this.#firstLayer;
    for (const [i, stores] of [this.#keys[index]!, this.#values[index]!].entries()) {
      let column = 0;
      for (const [group, width] of this.#widths.entries()) {
        const store = stores[group]!;
        for (let row = 0; row < length; row++) {
          const at = (i * length + row) * this.#width + column;
          rows.set(store.subarray(row * width, (row + 1) * width), at);
        }
        column += width;
      }
    }
    return new Uint8Array(rows.buffer);
  }

  /** Fills a layer with what save() returned. */
  restore(layer: number, bytes: Uint8Array): void {
    const { buffer, byteOffset, byteLength } = bytes;
    const rows = new this.#array(buffer as ArrayBuffer, byteOffset, byteLength / this.#array.BYTES_PER_ELEMENT);
    this.append(layer, 0, rows.subarray(0, rows.length / 2), rows.subarray(rows.length / 2));
  }

  /** A view of the keys of a group at positions `first` to `end` - 1, [positions, width]; not a copy. */
  keys(layer: number, group: number, end: number, first = 0): Numbers {
    const width = this.#widths[group]!;
    return this.#keys[layer - this.#firstLayer]![group]!.subarray(first * width, end * width);
  }

  /** A view of the values of a group at positions `first` to `end` - 1, [positions, width]; not a copy. */
  values(layer: number, group: number, end: number, first = 0): Numbers {
    const width = this.#widths[group]!;
    return this.#values[layer - this.#firstLayer]![group]!.subarray(first * width, end * width);
  }

  #write(stores: Numbers[], position: number, rows: Numbers): void {
    const count = rows.length / this.#width;
    let column = 0;
    for (const [group, width] of this.#widths.entries()) {
      const target = grown(stores[group]!, position, count, width, this.limit);
      stores[group] = target;
      if (width === this.#width) target.set(rows, position * width);
      else {
        for (let row = 0; row < count; row++) {
          const start = row * this.#width + column;
          target.set(rows.subarray(start, start + width), (position + row) * width);
        }
      }
      column += width;
    }
  }
}

/** Returns the store if it has room for `count` rows at `position`, else a larger one with a copy of the rows before `position`. */
function grown(store: Numbers, position: number, count: number, width: number, limit: number): Numbers {
  const needed = (position + count) * width;
  if (needed <= store.length) return store;
  const doubled = Math.max(FIRST_CAPACITY * width, store.length * 2);
  const capacity = Math.max(needed, Math.min(doubled, limit * width));
  const target = store instanceof Float32Array ? new Float32Array(capacity) : new Uint16Array(capacity);
  target.set(store.subarray(0, position * width));
  return target;
}
