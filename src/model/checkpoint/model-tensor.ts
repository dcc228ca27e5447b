/** A tensor of the whole model, put together from its parts in the shards. Knows shapes; reads no numbers. */
import { basename } from "node:path";
import { LlamaError } from "../../error.js";
import type { StoredTensor } from "../../formats/tensor/stored-tensor.js";
import type { TensorSpec } from "../architecture/tensor-table.js";

/** Indices [start, end) of the axis that a shard holds. */
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
  /** The axis along which `pieces` lie one after another; null when the only piece is the whole tensor. */
  axis: 0 | 1 | null;
  pieces: Piece[];
  /**
   * Rows of a head where the files have each head's even rows before its odd ones (Hugging Face's order of wq and wk,
   * for rotation by halves); absent where they have Meta's order. The rows of `shape` are Meta's in any case.
   */
  halvedHead?: number;
}

/** Puts a tensor together from what each shard has of it, in rank order; throws a LlamaError when the parts do not fit. */
export function mergeShards(spec: TensorSpec, entries: readonly StoredTensor[]): ModelTensor {
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

function shardAxis(spec: TensorSpec, entries: readonly StoredTensor[]): 0 | 1 | null {
  switch (spec.split) {
    case "rows":
      return 0;
    case "columns":
      return 1;
    case "replicated":
      return null;
    case "embedding":
      // Only shards of Llama 1 and 2 have a row for each token.
      return entries.every((entry) => entry.shape[0] === spec.shape[0]) ? 1 : 0;
  }
}

/** The error for parts that do not add up: as a matter of the number of shards when the shapes say so. */
function misfit(
  spec: TensorSpec,
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
        expected: `${needed} ${needed === 1 ? "shard" : "shards"} of shape ${showShape(culprit.shape)} to make ${showShape(spec.shape)}`,
        found: `${entries.length} (${entries.map((entry) => basename(entry.storage.file)).join(", ")})`,
        fix: "Put all consolidated.*.pth files of the model, and no others, in one folder",
      });
    }
    if (entries.length > 1) {
      return new LlamaError("model", alike ? "shards do not add up" : "shards of different splits are mixed", {
        where,
        expected: `${full} ${axis === 0 ? "rows" : "columns"} in all`,
        found: lengths.join(" + "),
        fix: "Take all consolidated.*.pth files from the same download",
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

/** Whether a part is as long as the whole along the other axis, and not empty along its own. */
function fitsBeside(part: readonly number[], full: readonly number[], axis: 0 | 1): boolean {
  return part.length === 2 && part[1 - axis] === full[1 - axis] && part[axis]! > 0;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

export function showShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
