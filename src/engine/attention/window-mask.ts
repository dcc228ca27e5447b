/** The mask of attention with a window: which of a block's keys each query of the block attends to. Does not know heads. */

/**
 * [queries, keys]: 0 where the query attends to the key, else -Infinity. The queries are the last of the keys' positions; each
 * attends to the last `window` positions up to its own.
 */
export function windowMask(queries: number, keys: number, window: number): Float32Array {
  const mask = new Float32Array(queries * keys).fill(Number.NEGATIVE_INFINITY);
  for (let query = 0; query < queries; query++) {
    const end = keys - queries + query + 1;
    mask.fill(0, query * keys + Math.max(0, end - window), query * keys + end);
  }
  return mask;
}
