/** Compares the tensors that every shard of a checkpoint has a full copy of: norms. Reads no other numbers. */
import { basename } from "node:path";
import type { StoredTensor } from "../../formats/tensor/stored-tensor.js";
import { TensorReader } from "../../formats/tensor/tensor-reader.js";

/** A tensor that is not the same in all shards. */
export interface DifferingReplica {
  name: string;
  /** File that differs from the first; the first one is used. */
  file: string;
  /** Largest absolute difference. */
  largest: number;
}

/** For each of the replicated tensors, the first shard that differs; `shards` has their entries by name. */
export function compareReplicas(
  names: readonly string[],
  shards: readonly ReadonlyMap<string, StoredTensor>[],
): DifferingReplica[] {
  const found: DifferingReplica[] = [];
  const [first, ...others] = shards;
  if (others.length === 0) return found;
  const reader = new TensorReader();
  const read = (entry: StoredTensor) => {
    const length = entry.shape[0]!;
    const numbers = new Float32Array(length);
    reader.readRegion(entry, { start: 0, end: 1 }, { start: 0, end: length }, numbers);
    return numbers;
  };
  try {
    for (const name of names) {
      const expected = read(first!.get(name)!);
      for (const shard of others) {
        const entry = shard.get(name)!;
        const largest = largestDifference(expected, read(entry));
        if (largest === 0) continue;
        found.push({ name, file: basename(entry.storage.file), largest });
        break;
      }
    }
    return found;
  } finally {
    reader.close();
  }
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    // equal NaNs and infinities do not count as a difference here; both are rejected later
    if (!Object.is(a[i], b[i])) largest = Math.max(largest, Math.abs(a[i]! - b[i]!) || Number.POSITIVE_INFINITY);
  }
  return largest;
}
