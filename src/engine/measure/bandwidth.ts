/** How fast threads that do nothing else read memory: the bound of decoding. Knows bytes and time; no model. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { isMemoryShort, memoryError } from "../host/rank-failure.js";

/** Over all readers; far more than caches hold. */
const BYTES = 1 << 30;
const MAX_READER_BYTES = 256 << 20;
const MIN_READER_BYTES = 16 << 20;
/** The same memory may be faster or slower by where it happens to lie, so it is allocated anew so many times. */
const ALLOCATIONS = 3;
/** Passes over one allocation go on for so many milliseconds. */
const MEASURE_MS = 300;
const MIN_PASSES = 6;

/** Bytes a second that so many threads read together at best. */
export async function memoryBandwidth(readers: number, signal?: AbortSignal): Promise<number> {
  let best = 0;
  for (let i = 0; i < ALLOCATIONS; i++) best = Math.max(best, await readAnew(readers, signal));
  return best;
}

/** What the fastest tenth of the passes over fresh memory reach. */
async function readAnew(readers: number, signal?: AbortSignal): Promise<number> {
  const bytes = Math.max(MIN_READER_BYTES, Math.min(MAX_READER_BYTES, Math.floor(BYTES / readers)));
  const workers = Array.from(
    { length: readers },
    (_, index) =>
      new Worker(new URL("./bandwidth-reader.js", import.meta.url), {
        workerData: bytes,
        execArgv: [],
        name: `reader ${index}`,
      }),
  );
  const answers = () => Promise.all(workers.map((worker) => once(worker, "message")));
  try {
    await answers().catch((error) => {
      throw isMemoryShort(error.message) ? memoryError(error.message) : error;
    });
    const rates: number[] = [];
    const start = performance.now();
    for (let pass = 0; pass < MIN_PASSES || performance.now() - start < MEASURE_MS; pass++) {
      signal?.throwIfAborted();
      const answer = answers();
      const begin = performance.now();
      for (const worker of workers) worker.postMessage(pass);
      await answer;
      rates.push((readers * bytes * 1000) / (performance.now() - begin));
    }
    // Other programs only slow a pass down, so the fastest tell most; the very fastest may be a freak.
    return rates.sort((a, b) => b - a)[Math.floor(rates.length / 10)]!;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
