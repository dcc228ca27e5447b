/** The KV cache of one sequence on one rank: pages of 64 tokens for each layer. Does not know attention or other sequences. */
import { lengthOf, type Range } from "../../formats/tensor/range.js";
import { kvHeadBytes } from "../../model/architecture/kv-type.js";
import { PAGE_TOKENS, type PageLayout } from "./page-layout.js";
import { copyRow, type Move, readSlots, writeFloats } from "./page-rows.js";
import type { Page, PageStore } from "./page-store.js";

export class KvCache {
  /** Per layer, in the order of the tokens. */
  readonly #pages: Page[][];
  readonly #store: PageStore;
  readonly #firstLayer: number;
  readonly #layout: PageLayout;

  constructor(layers: Range, store: PageStore) {
    this.#store = store;
    this.#layout = store.layout;
    this.#firstLayer = layers.start;
    this.#pages = Array.from({ length: lengthOf(layers) }, () => []);
  }

  /** Writes rows [tokens, KV heads * headDim] at `position`; replaces what was there and invalidates everything after it. */
  append(layer: number, position: number, k: Float32Array, v: Float32Array): void {
    const row = this.#layout.kvHeads * this.#layout.headDim;
    for (const { page, slot, from, count } of this.#parts(layer, position, k.length / row)) {
      const [keys, values] = [k, v].map((rows) => rows.subarray(from * row, (from + count) * row)) as [
        Float32Array,
        Float32Array,
      ];
      if (this.#layout.type === "int8") page.memory.kernel!.writeRows(page.address, slot, keys, values);
      else writeFloats(this.#layout, page, slot, keys, values);
    }
  }

  /** The pages with the first `tokens` tokens of a layer. */
  pages(layer: number, tokens: number): Page[] {
    return this.#pages[layer - this.#firstLayer]!.slice(0, Math.ceil(tokens / PAGE_TOKENS));
  }

  /** Keys and values of a KV head of a layer at positions `first` to `end` - 1 in fp32, [positions, headDim] each; in int8 they are turned. */
  readHead(layer: number, head: number, first: number, end: number, keys: Float32Array, values: Float32Array): void {
    const pages = this.pages(layer, end);
    for (let position = first; position < end; ) {
      const index = Math.floor(position / PAGE_TOKENS);
      const last = Math.min(end, (index + 1) * PAGE_TOKENS);
      const slots = { start: position - index * PAGE_TOKENS, end: last - index * PAGE_TOKENS };
      readSlots(this.#layout, pages[index]!, head, slots, keys, values, (position - first) * this.#layout.headDim);
      position = last;
    }
  }

  /** Turns heads [count, headDim] as the keys and values of the cache are turned, or back, in place; only int8 is. The cache has a page. */
  turnHeads(heads: Float32Array, way: "to" | "back"): void {
    if (this.#layout.type === "int8") this.#pages[0]![0]!.memory.kernel!.turnHeads(heads, way);
  }

  /** Copies the first `length` tokens of another cache of the same rank. */
  copyFrom(source: KvCache, length: number): void {
    for (const [index, pages] of source.#pages.entries()) {
      const copied = pages.slice(0, Math.ceil(length / PAGE_TOKENS));
      this.#grow(this.#pages[index]!, copied.length);
      for (const [i, from] of copied.entries()) {
        const to = this.#pages[index]![i]!;
        const bytes = new Uint8Array(from.memory.buffer, from.address, this.#layout.pageBytes);
        new Uint8Array(to.memory.buffer, to.address, this.#layout.pageBytes).set(bytes);
      }
    }
  }

  /** Copies the first `length` keys and values of a layer, [2, length, KV heads, bytes of a head]: in int8 the numbers, then their scale. */
  save(layer: number, length: number): Uint8Array {
    const rows = new Uint8Array(
      2 * length * this.#layout.kvHeads * kvHeadBytes(this.#layout.headDim, this.#layout.type),
    );
    this.#move(layer, rows, "save");
    return rows;
  }

  /** Fills a layer with what save() returned. */
  restore(layer: number, bytes: Uint8Array): void {
    this.#move(layer, bytes, "restore");
  }

  /** Gives back the pages beyond the first `tokens` tokens. */
  trim(tokens: number): void {
    for (const pages of this.#pages) {
      for (const page of pages.splice(Math.ceil(tokens / PAGE_TOKENS))) this.#store.give(page);
    }
  }

  #move(layer: number, rows: Uint8Array, move: Move): void {
    const { kvHeads, headDim, type } = this.#layout;
    const rowBytes = kvHeads * kvHeadBytes(headDim, type);
    const length = rows.byteLength / rowBytes / 2;
    for (const { page, slot, from, count } of this.#parts(layer, 0, length)) {
      for (let i = 0; i < count; i++) {
        for (const kind of [0, 1] as const) {
          const at = (kind * length + from + i) * rowBytes;
          copyRow(this.#layout, page, slot + i, kind, rows.subarray(at, at + rowBytes), move);
        }
      }
    }
  }

  /** Divides rows at `position` into the parts that lie in one page each, and makes the missing pages. */
  #parts(layer: number, position: number, count: number) {
    const pages = this.#pages[layer - this.#firstLayer]!;
    this.#grow(pages, Math.ceil((position + count) / PAGE_TOKENS));
    const parts: { page: Page; slot: number; from: number; count: number }[] = [];
    for (let done = 0; done < count; ) {
      const slot = (position + done) % PAGE_TOKENS;
      const part = Math.min(count - done, PAGE_TOKENS - slot);
      parts.push({ page: pages[Math.floor((position + done) / PAGE_TOKENS)]!, slot, from: done, count: part });
      done += part;
    }
    return parts;
  }

  #grow(pages: Page[], count: number): void {
    while (pages.length < count) pages.push(this.#store.take());
  }
}
