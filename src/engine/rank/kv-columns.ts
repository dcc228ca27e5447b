/**
 * Keys and values of one layer as the model has them, and as each rank does: the columns of its heads.
 * A session that was saved on some ranks goes on on any other number of them. Knows bytes and heads; not layers or threads.
 */
import type { Range } from "../../formats/tensor/range.js";
import { type ComputeType, isCacheHalf } from "../../model/architecture/compute-type.js";
import type { ModelConfig } from "../../model/config/config.js";
import type { RankShare } from "../../model/split/partition.js";

export class KvColumns {
  /** Bytes of a token's keys, or values, of all heads. */
  readonly rowBytes: number;
  /** Bytes of a row that each rank has; one KV head may belong to several ranks, which hold it alike. */
  readonly #spans: readonly Range[];

  constructor({ headDim, nKvHeads }: ModelConfig, shares: readonly RankShare[], dtype: ComputeType) {
    const headBytes = headDim * (isCacheHalf(dtype) ? 2 : 4);
    this.rowBytes = nKvHeads * headBytes;
    this.#spans = shares.map(({ kvHeads }) => ({ start: kvHeads.start * headBytes, end: kvHeads.end * headBytes }));
  }

  /** Of [2, tokens, columns of the rank] from each rank: [2, tokens, all columns], in bytes. */
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

  /** The columns of one rank out of what join() gives. */
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
