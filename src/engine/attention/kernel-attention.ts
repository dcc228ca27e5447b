/** Attention of a few rows by the kernel, over the pages of a KV cache. Does not know sequences or weights. */
import type { KvCache } from "./kv-cache.js";
import { PAGE_TOKENS } from "./page-layout.js";

/**
 * Attends from rows q [count, q heads * headDim], the first of which has `position`, each to the `window` positions up to its
 * own; writes a matrix of the same shape. At most KERNEL_ROWS rows, whose keys and values are in the cache.
 */
export function attendByKernel(
  cache: KvCache,
  layer: number,
  position: number,
  count: number,
  window: number,
  q: Float32Array,
  attended: Float32Array,
): void {
  const pages = cache.pages(layer, position + count);
  let index = Math.floor(Math.max(0, position + 1 - window) / PAGE_TOKENS);
  let kernel = pages[index]!.memory.kernel!;
  kernel.begin(q, count);
  for (; index < pages.length; index++) {
    const { memory, address } = pages[index]!;
    if (memory.kernel !== kernel) {
      memory.kernel!.continue(kernel);
      kernel = memory.kernel!;
    }
    kernel.attend(address, index * PAGE_TOKENS, position, count, window);
  }
  kernel.finish(attended, count);
}
