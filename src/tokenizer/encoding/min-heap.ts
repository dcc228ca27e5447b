/** A binary heap of numbers in an array, smallest first. Does not know what the numbers mean. */

/** Adds to a binary heap, smallest first. */
export function push(heap: number[], value: number): void {
  let at = heap.length;
  for (let parent = (at - 1) >> 1; at > 0 && heap[parent]! > value; parent = (at - 1) >> 1) {
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = value;
}

/** Removes and returns the smallest value of a heap that is not empty. */
export function pop(heap: number[]): number {
  const smallest = heap[0]!;
  const last = heap.pop()!;
  const { length } = heap;
  if (length === 0) return smallest;
  let at = 0;
  for (let child = 1; child < length; child = 2 * at + 1) {
    if (child + 1 < length && heap[child + 1]! < heap[child]!) child++;
    if (heap[child]! >= last) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return smallest;
}
