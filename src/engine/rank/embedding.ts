/** The embedding of a rank. It stays in its file: a step reads only the rows of its tokens. Does not know what they are for. */
import { type FileStamp, overwrittenError } from "../../formats/files/file-stamp.js";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import { TENSORS, tensorName } from "../../model/architecture/tensor-table.js";
import { StreamTurn, turnWidth } from "../../model/architecture/turned-stream.js";
import type { Checkpoint } from "../../model/checkpoint/checkpoint.js";
import { openWeights, type WeightSource } from "../../model/checkpoint/weight-source.js";
import { checkRow } from "../stages/finite-check.js";

const NAME = tensorName(TENSORS.embedding, 0);

export class Embedding {
  readonly #checkpoint: Checkpoint;
  readonly #source: WeightSource;
  readonly #turn: StreamTurn | null;
  /** Of the files that have a part of it. */
  readonly #stamps: readonly FileStamp[];

  /** Opens the files, so that a file that later takes the place of one is not read. Throws a LlamaError if that fails. */
  constructor(checkpoint: Checkpoint, dtype: ComputeType) {
    this.#checkpoint = checkpoint;
    const width = turnWidth(checkpoint.config, dtype);
    this.#turn = width > 0 ? new StreamTurn(checkpoint.config.dim, width) : null;
    this.#source = openWeights(checkpoint);
    const { pieces, axis } = checkpoint.tensors.get(NAME)!;
    const files = pieces.map(({ entry }) => entry.storage.file);
    this.#stamps = checkpoint.stamps.filter(({ file }) => files.includes(file));
    // One row of each piece opens its file.
    const first = axis === 0 ? pieces.map(({ start }) => start) : [0];
    for (const token of first) this.#read(token, new Float32Array(checkpoint.config.dim));
  }

  /** The rows of the tokens, [tokens, dim], turned if the type's weights are. Throws LlamaError (model) for a number that is not finite, and if a file was written since it was opened. */
  rows(tokens: Int32Array): Float32Array {
    const { dim } = this.#checkpoint.config;
    const h = new Float32Array(tokens.length * dim);
    tokens.forEach((token, i) => {
      const row = h.subarray(i * dim, (i + 1) * dim);
      this.#read(token, row);
      checkRow(this.#checkpoint, NAME, token, row);
    });
    const overwritten = overwrittenError(this.#stamps);
    if (overwritten) throw overwritten;
    this.#turn?.turnRows(h);
    return h;
  }

  close(): void {
    this.#source.close();
  }

  #read(token: number, row: Float32Array): void {
    this.#source.read(NAME, { start: token, end: token + 1 }, { start: 0, end: row.length }, row);
  }
}
