/** A tensor of the whole model, assembled from its parts in the shards. Knows shapes; reads no numbers. */

import { basename } from "node:path";
import { LlamaError } from "../../error.js";
import { plural } from "../../formats/files/amounts.js";
import type { StoredTensor } from "../../formats/tensor/stored-tensor.js";
import type { TensorSpec } from "../architecture/tensor-table.js";

/** What the parts of a tensor must add up to. */
type WholeTensor = Pick<TensorSpec, "name" | "shape" | "split">;

/** The part of a tensor in one shard: indices [start, end) of the split axis. */
export interface Piece {
  start: number;
  end: number;
  entry: StoredTensor;
}

/** Plain data: can be sent to other threads. */
export interface ModelTensor {
  name: string;
  /** Full shape. */
  shape: readonly number[];
  /** The axis along which the tensor is split into `pieces`; null if the only piece is the whole tensor. */
  axis: 0 | 1 | null;
  pieces: Piece[];
}

/** Assembles a tensor from the parts in each shard, in rank order; throws a LlamaError if the parts do not fit. */
export function mergeShards(spec: WholeTensor, entries: readonly StoredTensor[]): ModelTensor {
  const { name, shape } = spec;
  const [first, ...others] = entries as [StoredTensor, ...StoredTensor[]];
  for (const other of others) {
    if (other.dtype !== first.dtype) {
      throw new LlamaError("model", "shards have different element types", {
        where: `${other.storage.file}: ${name}`,
        expected: `${first.dtype} as in ${basename(first.storage.file)}`,
        found: other.dtype,
      });
    }
  }
  const axis = shardAxis(spec, entries);
  if (axis === null || entries.length === 1) {
    for (const entry of entries) {
      if (!sameShape(entry.shape, shape)) throw misfit(spec, axis, entries, entry);
    }
    return { name, shape, axis: null, pieces: [{ start: 0, end: shape[0]!, entry: first }] };
  }
  let end = 0;
  const pieces = entries.map((entry): Piece => {
    if (!fitsBeside(entry.shape, shape, axis)) throw misfit(spec, axis, entries, entry);
    const start = end;
    end += entry.shape[axis]!;
    return { start, end, entry };
  });
  if (end !== shape[axis]) throw misfit(spec, axis, entries, first);
  return { name, shape, axis, pieces };
}

function shardAxis(spec: WholeTensor, entries: readonly StoredTensor[]): 0 | 1 | null {
  switch (spec.split) {
    case "rows":
      return 0;
    case "columns":
      return 1;
    case "replicated":
      return null;
    case "embedding":
      // Only in shards of Llama 1 and 2 does the embedding have a row for every token.
      return entries.every((entry) => entry.shape[0] === spec.shape[0]) ? 1 : 0;
  }
}

/** The error for parts that do not add up; blames the number of shards if the shapes suggest it. */
function misfit(
  spec: WholeTensor,
  axis: 0 | 1 | null,
  entries: readonly StoredTensor[],
  culprit: StoredTensor,
): LlamaError {
  const where = `${culprit.storage.file}: ${spec.name}`;
  if (axis !== null && entries.every((entry) => fitsBeside(entry.shape, spec.shape, axis))) {
    const lengths = entries.map((entry) => entry.shape[axis]!);
    const full = spec.shape[axis]!;
    const alike = lengths.every((length) => length === lengths[0]);
    if (alike && full % lengths[0]! === 0) {
      const needed = full / lengths[0]!;
      return new LlamaError("model", "wrong number of shards for this model", {
        where,
        expected: `${plural(needed, "shard")} of shape ${showShape(culprit.shape)} to make ${showShape(spec.shape)}`,
        found: `${entries.length} (${entries.map((entry) => basename(entry.storage.file)).join(", ")})`,
        fix: "Put all consolidated.*.pth files of the model, and no other .pth files, in one folder",
      });
    }
    if (entries.length > 1) {
      return new LlamaError("model", alike ? "shards do not add up" : "shards of different splits are mixed", {
        where,
        expected: `${full} ${axis === 0 ? "rows" : "columns"} in total`,
        found: lengths.join(" + "),
        fix: "Use consolidated.*.pth files that are all from the same download",
      });
    }
  }
  const expected = axis === null || entries.length === 1 ? "" : " over all shards";
  return new LlamaError("model", "shape does not fit params.json", {
    where,
    expected: showShape(spec.shape) + expected,
    found: showShape(culprit.shape),
    fix: "Check that params.json belongs to these files",
  });
}

/** Whether a part has the full size along the other axis and is not empty along the split axis. */
function fitsBeside(part: readonly number[], full: readonly number[], axis: 0 | 1): boolean {
  return part.length === 2 && part[1 - axis] === full[1 - axis] && part[axis]! > 0;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

export function showShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
