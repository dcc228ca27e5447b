/**
 * Splits the keys and values of one layer into the columns of each rank's heads, and joins them again.
 * A conversation saved with N ranks can be restored with any other number. Does not know layers or threads.
 */
import type { Range } from "../../formats/tensor/range.js";
import { type KvType, kvHeadBytes } from "../../model/architecture/kv-type.js";
import type { ModelConfig } from "../../model/config/config.js";
import type { RankShare } from "../../model/split/partition.js";

export class KvColumns {
  /** Bytes of one token's keys (or values) over all heads. */
  readonly rowBytes: number;
  /** Each rank's byte range in a row. Several ranks may hold copies of the same KV head. */
  readonly #spans: readonly Range[];

  constructor({ headDim, nKvHeads }: ModelConfig, shares: readonly RankShare[], type: KvType) {
    const headBytes = kvHeadBytes(headDim, type);
    this.rowBytes = nKvHeads * headBytes;
    this.#spans = shares.map(({ kvHeads }) => ({ start: kvHeads.start * headBytes, end: kvHeads.end * headBytes }));
  }

  /** Joins [2, tokens, columns of the rank] from each rank into [2, tokens, all columns], as bytes. */
  join(parts: readonly Uint8Array[]): Uint8Array {
    const [first] = this.#spans;
    const rows = new Uint8Array((parts[0]!.byteLength / (first!.end - first!.start)) * this.rowBytes);
    for (const [rank, { start, end }] of this.#spans.entries()) {
      const width = end - start;
      for (let from = 0, to = start; to < rows.byteLength; from += width, to += this.rowBytes) {
        rows.set(parts[rank]!.subarray(from, from + width), to);
      }
    }
    return rows;
  }

  /** Extracts the columns of one rank from what join() returned. */
  partOf(rank: number, rows: Uint8Array): Uint8Array {
    const { start, end } = this.#spans[rank]!;
    const width = end - start;
    const part = new Uint8Array((rows.byteLength / this.rowBytes) * width);
    for (let from = start, to = 0; to < part.byteLength; from += this.rowBytes, to += width) {
      part.set(rows.subarray(from, from + width), to);
    }
    return part;
  }
}
