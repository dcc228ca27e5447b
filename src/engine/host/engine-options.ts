/** The options an engine is started with, the limit of its steps, and the plan it reports before it loads anything. */
import type { Range } from "../../formats/tensor/range.js";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import type { KvType } from "../../model/architecture/kv-type.js";

/** Maximum number of tokens that the engine runs in one step: bounds activations, sums and their buffers. */
export const STEP_TOKENS = 256;
/** Milliseconds without progress after which an engine counts as failed, unless asked otherwise. */
export const RANK_TIMEOUT_MS = 300_000;

export interface EngineOptions {
  worldSize: number;
  dtype: ComputeType;
  /** The layers that this engine runs, one at least; the first brings the embedding, the last one the head. Default: all. */
  layers?: Range | undefined;
  /** Type of keys and values; "auto" (the default) is int8 beside quantised weights. */
  kvDtype?: "auto" | KvType | undefined;
  /** Maximum number of tokens in a sequence. */
  maxSeqLen: number;
  /** Threads inside one operator of one rank. Default: cores / ranks. */
  threadsPerRank?: number | undefined;
  /** Weight cache: folder that keeps quantised weights for the next start. Nothing is kept if it is null or absent. */
  cacheRoot?: string | null;
  /** Called with the plan before anything is loaded. */
  onPlan?: ((plan: LoadPlan) => void) | undefined;
  /** Called with the bytes read so far, summed over all ranks. */
  onProgress?: ((bytes: number) => void) | undefined;
  /** "spread" binds each rank to its own cores; "none" (the default) leaves placement to the operating system. */
  cpuBind?: "none" | "spread" | undefined;
  /** Fail if no rank makes progress for this many milliseconds; 0: never. Default: 5 minutes. */
  rankTimeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** How a model will be loaded. */
export interface LoadPlan {
  worldSize: number;
  threadsPerRank: number;
  /** Estimated bytes of memory needed. */
  memory: number;
}
