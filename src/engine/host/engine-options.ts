/** What an engine is started with, and what it makes of that before it loads anything. */
import type { ComputeType } from "../../model/architecture/compute-type.js";

export interface EngineOptions {
  worldSize: number;
  dtype: ComputeType;
  /** Tokens a sequence may have at most. */
  maxSeqLen: number;
  /** Threads inside one operator of one rank; cores / ranks when absent. */
  threadsPerRank?: number | undefined;
  /** Folder that keeps quantised weights for the next start; none is kept without it. */
  cacheRoot?: string | null;
  /** Told, before anything is loaded, what is going to be. */
  onPlan?: ((plan: LoadPlan) => void) | undefined;
  /** Told of bytes read so far, over all ranks. */
  onProgress?: ((bytes: number) => void) | undefined;
  /** "spread" binds each rank to cores of its own; "none", the default, leaves that to the system. */
  cpuBind?: "none" | "spread" | undefined;
  /** A group of which no rank gets on for so long is given up, in milliseconds; 0: never. Default 5 minutes. */
  rankTimeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** How a model is going to be loaded. */
export interface LoadPlan {
  worldSize: number;
  threadsPerRank: number;
  /** Bytes of memory that are expected to be needed. */
  memory: number;
}
