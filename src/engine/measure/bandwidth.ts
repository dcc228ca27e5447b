/** Measures how fast n threads together can read memory, the upper limit of decode speed. Does not know the model. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { isOutOfMemory, memoryError } from "../host/rank-failure.js";

/** Bytes over all readers; far more than CPU caches hold. */
const BYTES = 1 << 30;
const MAX_READER_BYTES = 256 << 20;
const MIN_READER_BYTES = 16 << 20;
/** Speed depends on which physical pages are allocated, so the memory is allocated this many times. */
const ALLOCATIONS = 3;
/** Minimum time of the passes over one allocation, in milliseconds. */
const MEASURE_MS = 300;
const MIN_PASSES = 6;

/** Best rate at which `readers` threads together read memory, in bytes per second. Throws LlamaError (memory), or the signal's reason. */
export async function memoryBandwidth(readers: number, signal?: AbortSignal): Promise<number> {
  let best = 0;
  for (let i = 0; i < ALLOCATIONS; i++) best = Math.max(best, await measureAllocation(readers, signal));
  return best;
}

/** The rate that the fastest tenth of the passes over newly allocated memory reaches, in bytes per second. */
async function measureAllocation(readers: number, signal?: AbortSignal): Promise<number> {
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
      throw isOutOfMemory(error.message) ? memoryError(error.message) : error;
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
    // Other programs only slow a pass down, so the fastest passes count; the single fastest may be an outlier.
    return rates.sort((a, b) => b - a)[Math.floor(rates.length / 10)]!;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
