/** Compares an output matrix with the embedding beside it, which are the same matrix in many models. Knows no names. */
import type { StoredTensor } from "../../formats/tensor/stored-tensor.js";
import { TensorReader } from "../../formats/tensor/tensor-reader.js";

/** Numbers that are compared at once. */
const CHUNK = 1 << 20;

/** Whether two matrices of the same shape have the same numbers, as torch.equal says; reads up to the first difference. */
export function haveSameNumbers(a: StoredTensor, b: StoredTensor): boolean {
  if (areSameBytes(a, b)) return true;
  const [height, width] = a.shape as [number, number];
  const count = Math.max(1, Math.floor(CHUNK / width));
  const reader = new TensorReader();
  const read = (entry: StoredTensor, start: number, end: number) => {
    const numbers = new Float32Array((end - start) * width);
    reader.readRegion(entry, { start, end }, { start: 0, end: width }, numbers);
    return numbers;
  };
  try {
    for (let start = 0; start < height; start += count) {
      const end = Math.min(height, start + count);
      const other = read(b, start, end);
      if (!read(a, start, end).every((number, i) => number === other[i])) return false;
    }
    return true;
  } finally {
    reader.close();
  }
}

/** Two names of one tensor, as torch.save writes a tied matrix. */
function areSameBytes(a: StoredTensor, b: StoredTensor): boolean {
  const places = [a, b].map(({ dtype, strides, storageOffset, storage }) => {
    return [dtype, storage.file, storage.offset, storageOffset, ...strides].join();
  });
  return places[0] === places[1];
}
