/** The attention kernel in WebAssembly over one memory, and the layout of its working space. Does not know layers or sequences. */
import type { Range } from "../../formats/tensor/range.js";
import { moduleOf, type WasmMemory, wasm } from "../machine/webassembly.js";
import { PAGE_TOKENS, type PageLayout } from "./page-layout.js";

/** Most rows of one sequence that the kernel takes at once: a token and its guesses, or a small piece of a prompt. */
export const KERNEL_ROWS = 16;
/** Static data of the module, if it had any, would come first. */
const SPACE_START = 1024;
/** Bytes of a query's state. */
const STATE_BYTES = 16;

/** The functions of kernel/attention.ts; addresses and sizes are in bytes. */
interface Exports {
  begin(queries: number, states: number, sums: number, width: number): void;
  prepare(...args: number[]): void;
  attend(...args: number[]): void;
  finish(...args: number[]): void;
  writeRows(...args: number[]): void;
  readHead(...args: number[]): void;
  turnHeads(heads: number, count: number, headDim: number, isBack: number): void;
}

const MODULE = new URL("attention.wasm", import.meta.url);

/** Whether this process can run the kernel. */
export function hasKernel(): boolean {
  return moduleOf(MODULE) !== null;
}

export class Kernel {
  /** Where pages may begin. */
  readonly spaceEnd: number;
  readonly #layout: PageLayout;
  readonly #memory: WasmMemory;
  readonly #exports: Exports;
  /** Rows as they are given and returned: queries or results [rows, q heads * headDim], or keys and values. */
  readonly #rows: number;
  readonly #queries: number;
  /** Of int8 queries; null (0) in fp32. */
  readonly #scales: number;
  readonly #states: number;
  readonly #sums: number;
  readonly #scores: number;
  readonly #weights: number;

  /** `memory` must have room up to `spaceEnd` before the first call. Throws Error without SIMD. */
  constructor(memory: WasmMemory, layout: PageLayout) {
    const module = moduleOf(MODULE);
    if (!module || !wasm) throw new Error("this process cannot run the attention kernel");
    this.#layout = layout;
    this.#memory = memory;
    this.#exports = new wasm.Instance(module, { env: { memory } }).exports as Exports;
    const { kvHeads, ratio, headDim, width } = layout;
    const queries = KERNEL_ROWS * kvHeads * ratio;
    let end = SPACE_START;
    const take = (bytes: number) => {
      const at = end;
      end += Math.ceil(bytes / 64) * 64;
      return at;
    };
    this.#rows = take(4 * headDim * Math.max(queries, 2 * KERNEL_ROWS * kvHeads, 2 * PAGE_TOKENS));
    this.#queries = take(queries * width * 4);
    this.#scales = layout.type === "int8" ? take(queries * 4) : 0;
    this.#states = take(queries * STATE_BYTES);
    this.#sums = take(queries * width * 4);
    this.#scores = take(KERNEL_ROWS * ratio * PAGE_TOKENS * 4);
    this.#weights = take(KERNEL_ROWS * ratio * PAGE_TOKENS * 2);
    this.spaceEnd = end;
  }

  /** Writes int8 rows of keys and values [rows, KV heads * headDim] to a page from its token `slot` on; each head is turned before. */
  writeRows(page: number, slot: number, keys: Float32Array, values: Float32Array): void {
    const { kvHeads, headDim, headBytes, width } = this.#layout;
    const row = kvHeads * headDim;
    const bytes = 4 * row * KERNEL_ROWS;
    const places = [this.#numbers(this.#rows, row * KERNEL_ROWS), this.#numbers(this.#rows + bytes, row * KERNEL_ROWS)];
    for (let done = 0; done * row < keys.length; done += KERNEL_ROWS) {
      const [from, to] = [done * row, Math.min(keys.length, (done + KERNEL_ROWS) * row)];
      places[0]!.set(keys.subarray(from, to));
      places[1]!.set(values.subarray(from, to));
      const rows = (to - from) / row;
      const [k, v] = [this.#rows, this.#rows + bytes];
      this.#exports.writeRows(page, headBytes, slot + done, rows, kvHeads, headDim, width, k, v);
    }
  }

  /** The int8 keys and values of some tokens of a head of a page in fp32, [tokens, headDim] each, turned: views, valid until the next call. */
  readHead(page: number, head: number, { start, end }: Range): [Float32Array, Float32Array] {
    const { headDim, headBytes, width } = this.#layout;
    const count = (end - start) * headDim;
    const [keys, values] = [this.#rows, this.#rows + 4 * count];
    this.#exports.readHead(page + head * headBytes, start, end, headDim, width, keys, values);
    return [this.#numbers(keys, count), this.#numbers(values, count)];
  }

  /** Turns heads [count, headDim] as int8 keys and values are turned, or back, in place. */
  turnHeads(heads: Float32Array, way: "to" | "back"): void {
    const { headDim, kvHeads, ratio } = this.#layout;
    const most = headDim * kvHeads * ratio * KERNEL_ROWS;
    for (let from = 0; from < heads.length; from += most) {
      const part = heads.subarray(from, from + most);
      const place = this.#numbers(this.#rows, part.length);
      place.set(part);
      this.#exports.turnHeads(this.#rows, part.length / headDim, headDim, way === "back" ? 1 : 0);
      part.set(place);
    }
  }

  /** Begins attention of rows of queries [rows, q heads * headDim]; at most KERNEL_ROWS. */
  begin(q: Float32Array, rows: number): void {
    const { kvHeads, ratio, headDim, width } = this.#layout;
    this.#numbers(this.#rows, q.length).set(q);
    const scale = 1 / Math.sqrt(headDim);
    this.#exports.prepare(
      ...[this.#rows, rows, kvHeads, ratio, headDim, scale],
      ...[this.#queries, width, this.#scales],
    );
    this.#exports.begin(rows * kvHeads * ratio, this.#states, this.#sums, width);
  }

  /** Continues what another kernel of the same layout began, whose pages come first. */
  continue(other: Kernel): void {
    const bytes = new Uint8Array(other.#memory.buffer, other.#queries, other.#scores - other.#queries);
    new Uint8Array(this.#memory.buffer, this.#queries, bytes.length).set(bytes);
  }

  /** Attends to a page whose first token has position `start`; the first row of queries has `position`. */
  attend(page: number, start: number, position: number, rows: number, window: number): void {
    const { kvHeads, ratio, headBytes, width } = this.#layout;
    this.#exports.attend(
      ...[page, headBytes, start, position, rows, window, kvHeads, ratio, this.#queries, this.#scales],
      ...[this.#states, this.#sums, this.#scores, this.#weights, width],
    );
  }

  /** Writes the results of all rows to `attended`, [rows, q heads * headDim]. */
  finish(attended: Float32Array, rows: number): void {
    const { type, kvHeads, ratio, headDim, width } = this.#layout;
    const isTurned = type === "int8" ? 1 : 0;
    this.#exports.finish(this.#rows, rows, kvHeads, ratio, headDim, this.#states, this.#sums, width, isTurned);
    attended.set(this.#numbers(this.#rows, attended.length));
  }

  #numbers(address: number, length: number): Float32Array {
    return new Float32Array(this.#memory.buffer, address, length);
  }
}
