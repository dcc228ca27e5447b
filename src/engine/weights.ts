/** Reads one rank's slices of the weights into memory, each once. Knows regions and tensors, not what is computed with them. */

import { ELEMENT_BYTES } from "../formats/tensor-entry.js";
import { TensorReader } from "../formats/tensor-reader.js";
import type { Checkpoint, GlobalTensor } from "../model/checkpoint.js";
import type { RankShare } from "../model/partition.js";
import { tensorRegion } from "../model/region.js";
import { readSlice, readSliceRaw } from "../model/slice.js";
import { floats, type Tensor } from "./session.js";

const EMBEDDING = "tok_embeddings.weight";

/** A rank's weights by Meta's tensor names without `.weight`, as [rows, columns] or [size] float32 tensors. */
export type RankWeights = ReadonlyMap<string, Tensor>;

/**
 * Loads a share of the model; `onBytes` is told of bytes read from disk.
 * The share's rows of the embedding go to `embedding`, in the type of the file; all else becomes float32.
 */
export function loadWeights(
  checkpoint: Checkpoint,
  share: RankShare,
  embedding: SharedArrayBuffer,
  onBytes: (bytes: number) => void,
): RankWeights {
  const { config, tensors } = checkpoint;
  const reader = new TensorReader(onBytes);
  const weights = new Map<string, Tensor>();
  try {
    for (const [name, tensor] of tensors) {
      const { rows, columns } = tensorRegion(name, config, share);
      if (name === EMBEDDING) {
        const rowBytes = config.dim * ELEMENT_BYTES[elementType(tensor)];
        const bytes = new Uint8Array(embedding, rows.start * rowBytes, (rows.end - rows.start) * rowBytes);
        readSliceRaw(reader, tensor, rows, columns, bytes);
        continue;
      }
      const height = rows.end - rows.start;
      const width = columns.end - columns.start;
      const data = new Float32Array(height * width);
      readSlice(reader, tensor, rows, columns, data);
      weights.set(name.replace(/\.weight$/, ""), floats(data, tensor.shape.length === 1 ? [width] : [height, width]));
    }
  } finally {
    reader.close();
  }
  return weights;
}

/** Memory for the embedding table of a checkpoint. */
export function allocateEmbedding(checkpoint: Checkpoint): SharedArrayBuffer {
  const { vocabSize, dim } = checkpoint.config;
  return new SharedArrayBuffer(vocabSize * dim * ELEMENT_BYTES[embeddingType(checkpoint)]);
}

/** Element type of the embedding table, as in the file. */
export function embeddingType(checkpoint: Checkpoint) {
  return elementType(checkpoint.tensors.get(EMBEDDING)!);
}

function elementType(tensor: GlobalTensor) {
  return tensor.pieces[0]!.entry.dtype;
}
