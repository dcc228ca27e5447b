/** Opens a checkpoint of any format as one model: its config, and where every tensor is. Reads no weights except norms. */

import { type FileStamp, stampOf } from "../../formats/files/file-stamp.js";
import { byteLength, type DType, type StoredTensor } from "../../formats/tensor/stored-tensor.js";
import type { ModelConfig } from "../config/config.js";
import type { CheckpointTensors, OpenedCheckpoint } from "./checkpoint-format.js";
import type { ModelTensor } from "./model-tensor.js";
import { openPath } from "./open-path.js";

export type { ModelTensor } from "./model-tensor.js";

/** Plain data: can be sent to other threads. */
export interface Checkpoint extends CheckpointTensors {
  dir: string;
  /** Name of the format. */
  format: string;
  config: ModelConfig;
  shardCount: number;
  /** Most common element type of the matrices. */
  dtype: DType;
  /** Numbers in all tensors. */
  parameterCount: number;
  /** Bytes of all tensors in the files; replicated ones are counted once. */
  byteLength: number;
  /** Keys of params.json, config.json or a GGUF file that were ignored. */
  unknownParams: readonly string[];
  /** Of all files, from before their headers were read. */
  stamps: readonly FileStamp[];
  /** Seed of a model of random numbers, whose tensors have no pieces; null for a model read from files. */
  seed: number | null;
}

/**
 * Reads the headers of a model's files, and checks that they fit its description. `source` is a path or what was opened
 * there; `vocabSize` is the tokenizer's. Throws a LlamaError if a file is missing, damaged or does not fit.
 */
export function openCheckpoint(source: string | OpenedCheckpoint, vocabSize: number): Checkpoint {
  const opened = typeof source === "string" ? openPath(source) : source;
  const stamps = opened.stamps ?? opened.files.map(stampOf);
  const config = opened.config(vocabSize);
  const found = opened.tensors(config);
  const { tensors } = found;
  const sizes = new Map<StoredTensor, { count: number; bytes: number }>();
  for (const { shape, pieces } of tensors.values()) {
    // Keyed by entry, since a tied embedding is used as two tensors.
    const { entry } = pieces[0]!;
    const count = shape.reduce((a, b) => a * b);
    sizes.set(entry, { count, bytes: byteLength(entry.dtype, count) });
  }
  const sum = (values: number[]) => values.reduce((a, b) => a + b);
  return {
    ...found,
    dir: opened.path,
    format: opened.format,
    config,
    shardCount: opened.files.length,
    dtype: mostCommonType(tensors),
    parameterCount: sum([...sizes.values()].map(({ count }) => count)),
    byteLength: sum([...sizes.values()].map(({ bytes }) => bytes)),
    unknownParams: opened.unknownKeys,
    stamps,
    seed: null,
  };
}

function mostCommonType(tensors: ReadonlyMap<string, ModelTensor>): DType {
  const counts = new Map<DType, number>();
  for (const { shape, pieces } of tensors.values()) {
    const { dtype } = pieces[0]!.entry;
    if (shape.length === 2) counts.set(dtype, (counts.get(dtype) ?? 0) + 1);
  }
  return [...counts].reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}
