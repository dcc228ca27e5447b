/** Reads the metadata values of a GGUF header: numbers, texts, booleans and arrays of them. Does not know their keys. */
import type { GgufCursor } from "./gguf-cursor.js";

/** Numbers of 8 to 32 bits and floats as a typed array, everything else as a list. */
export type GgufArray =
  | readonly GgufValue[]
  | (Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array);

/** A bigint is an integer beyond 2^53. */
export type GgufValue = number | bigint | string | boolean | GgufArray;

/** Arrays of arrays are valid, but no known file has any. */
const MAX_DEPTH = 4;
/** Elements of lists in one header; typed arrays are limited by their bytes alone. A large vocabulary has a million. */
const MAX_ELEMENTS = 1 << 21;
/** What an array in a list counts, since it takes more memory than a text or a number. */
const ARRAY_ELEMENTS = 256;

/** Numbers of the types of values (gguf.md, gguf_metadata_value_type). */
const [BOOL, TEXT, ARRAY, UINT64, INT64] = [7, 8, 9, 10, 11];
const NUMBERS: ReadonlyMap<number, NumberArrayConstructor> = new Map<number, NumberArrayConstructor>([
  [0, Uint8Array],
  [1, Int8Array],
  [2, Uint16Array],
  [3, Int16Array],
  [4, Uint32Array],
  [5, Int32Array],
  [6, Float32Array],
  [12, Float64Array],
]);

type NumberArray = Exclude<GgufArray, readonly GgufValue[]>;
interface NumberArrayConstructor {
  new (buffer: ArrayBuffer): NumberArray;
  readonly BYTES_PER_ELEMENT: number;
}

export class GgufValueReader {
  readonly #cursor: GgufCursor;
  #elements = 0;

  constructor(cursor: GgufCursor) {
    this.#cursor = cursor;
  }

  /** A type and a value of it. Throws a LlamaError. */
  read(): GgufValue {
    return this.#value(this.#cursor.uint32(), 0);
  }

  #value(type: number, depth: number): GgufValue {
    const cursor = this.#cursor;
    if (type === TEXT) return cursor.text();
    if (type === BOOL) return cursor.bytes(1)[0] !== 0;
    if (type === UINT64 || type === INT64) return this.#integers64(type, 1)[0]!;
    if (type === ARRAY) return this.#array(depth + 1);
    return this.#numbers(type, 1)[0]!;
  }

  #array(depth: number): GgufArray {
    const cursor = this.#cursor;
    if (depth > MAX_DEPTH) throw cursor.error("arrays are nested too deep", `at most ${MAX_DEPTH}`, "more");
    const type = cursor.uint32();
    const count = cursor.count("length of an array", cursor.left);
    if (NUMBERS.has(type)) return this.#numbers(type, count);
    if (type < BOOL! || type > INT64!) throw this.#unknown(type);
    this.#elements += type === ARRAY ? count * ARRAY_ELEMENTS : count;
    if (this.#elements > MAX_ELEMENTS) {
      throw cursor.error("metadata has too many array elements", `at most ${MAX_ELEMENTS}`, String(this.#elements));
    }
    if (type === UINT64 || type === INT64) return this.#integers64(type, count);
    const values: GgufValue[] = [];
    for (let i = 0; i < count; i++) values.push(this.#value(type, depth));
    return values;
  }

  #numbers(type: number, count: number): NumberArray {
    const Numbers = NUMBERS.get(type);
    if (Numbers === undefined) throw this.#unknown(type);
    return new Numbers(this.#cursor.bytes(count * Numbers.BYTES_PER_ELEMENT).buffer);
  }

  #integers64(type: number, count: number): (number | bigint)[] {
    const { buffer } = this.#cursor.bytes(count * 8);
    const integers = type === UINT64 ? new BigUint64Array(buffer) : new BigInt64Array(buffer);
    return Array.from(integers, (value) => (BigInt.asIntN(54, value) === value ? Number(value) : value));
  }

  #unknown(type: number): Error {
    return this.#cursor.error("metadata has a value of an unknown type", "0 to 12", String(type));
  }
}
