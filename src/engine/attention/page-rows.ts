/** Reads and writes rows of a page from JavaScript: fp32 rows, rows of any type as bytes, and a head as fp32. Does not know sequences. */
import type { Range } from "../../formats/tensor/range.js";
import { kvHeadBytes } from "../../model/architecture/kv-type.js";
import { PAGE_TOKENS, type PageLayout } from "./page-layout.js";
import type { Page } from "./page-store.js";

/** Whether bytes go from the page or into it. */
export type Move = "save" | "restore";

/** Writes fp32 rows [tokens, KV heads * headDim] to a page from its token `slot` on. */
export function writeFloats(
  layout: PageLayout,
  page: Page,
  slot: number,
  keys: Float32Array,
  values: Float32Array,
): void {
  const { kvHeads, headDim, width } = layout;
  const numbers = floats(layout, page);
  for (const [kind, rows] of [keys, values].entries()) {
    for (let from = 0, token = slot; from < rows.length; token++) {
      for (let head = 0; head < kvHeads; head++, from += headDim) {
        const at = (2 * head + kind) * PAGE_TOKENS * width + token * width;
        if (headDim < 64) for (let i = 0; i < headDim; i++) numbers[at + i] = rows[from + i]!;
        else numbers.set(rows.subarray(from, from + headDim), at);
      }
    }
  }
}

/** Reads some tokens of a head as fp32 to `keys` and `values` [.., headDim], from their number `to` on. */
export function readSlots(
  layout: PageLayout,
  page: Page,
  head: number,
  slots: Range,
  keys: Float32Array,
  values: Float32Array,
  to: number,
): void {
  const { headDim, width } = layout;
  if (layout.type === "int8") {
    const [k, v] = page.memory.kernel!.readHead(page.address, head, slots);
    keys.set(k, to);
    values.set(v, to);
    return;
  }
  const { start, end } = slots;
  const numbers = floats(layout, page);
  for (const [kind, rows] of [keys, values].entries()) {
    const at = (2 * head + kind) * PAGE_TOKENS * width;
    if (width === headDim) rows.set(numbers.subarray(at + start * width, at + end * width), to);
    else {
      for (let t = start; t < end; t++) {
        rows.set(numbers.subarray(at + t * width, at + t * width + headDim), to + (t - start) * headDim);
      }
    }
  }
}

/** Copies a token's keys (kind 0) or values (1) between a page and a row [KV heads, bytes of a head]. */
export function copyRow(layout: PageLayout, page: Page, token: number, kind: 0 | 1, row: Uint8Array, move: Move): void {
  const { type, kvHeads, headDim, width, matrixBytes, headBytes } = layout;
  const bytes = new Uint8Array(page.memory.buffer, page.address, layout.pageBytes);
  const copy = (at: number, from: number, length: number) => {
    if (move === "restore") bytes.set(row.subarray(from, from + length), at);
    else row.set(bytes.subarray(at, at + length), from);
  };
  const size = kvHeadBytes(headDim, type);
  for (let head = 0; head < kvHeads; head++) {
    const matrix = head * headBytes + kind * matrixBytes;
    if (type === "fp32") {
      copy(matrix + token * width * 4, head * size, size);
      continue;
    }
    copy(head * headBytes + 2 * matrixBytes + (kind * PAGE_TOKENS + token) * 4, head * size + headDim, 4);
    if (kind === 0) copy(matrix + token * width, head * size, headDim);
    else {
      // Values are in pairs of tokens.
      const pair = matrix + (token >> 1) * width * 2 + (token & 1);
      for (let i = 0; i < headDim; i++) copyByte(bytes, pair + 2 * i, row, head * size + i, move);
    }
  }
}

function copyByte(page: Uint8Array, at: number, row: Uint8Array, from: number, move: Move): void {
  if (move === "restore") page[at] = row[from]!;
  else row[from] = page[at]!;
}

function floats(layout: PageLayout, page: Page): Float32Array {
  return new Float32Array(page.memory.buffer, page.address, layout.pageBytes / 4);
}
