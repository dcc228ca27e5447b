/** What a model can be loaded with, and what of it is the engine's. */
import type { EngineOptions, LoadPlan } from "../../engine/host/engine-options.js";
import { defaultCacheRoot } from "../../engine/weight-cache/cache-folder.js";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import type { LimitOptions } from "../scheduling/request-limits.js";

/** Context length when none is asked for, as ModelArgs.max_seq_len in Meta's model.py. */
export const DEFAULT_MAX_SEQ_LEN = 2048;

export interface BuildOptions extends LimitOptions {
  /** Folder with params.json and consolidated.NN.pth, or with config.json and .safetensors. */
  ckptDir: string;
  /** tokenizer.model or tokenizer.json; when absent it is looked for in ckptDir, then in its parent. */
  tokenizerPath?: string;
  /** Ranks (worker threads), 1 to the number of heads. "auto" (the default) chooses by cores and files. */
  nprocPerNode?: number | "auto";
  /** Type of the weights in memory. "auto" (the default) is fp32 up to 1e9 parameters, else int8. */
  dtype?: "auto" | ComputeType;
  /** Folder that keeps quantised weights for the next start; null keeps none. Default $XDG_CACHE_HOME/llama-ts. */
  cacheDir?: string | null;
  /** Tokens of prompt and answer together at most. Default 2048. */
  maxSeqLen?: number;
  /** Threads of each rank; cores / ranks when absent. */
  threadsPerRank?: number;
  /** Loads even what does not fit into the memory that is available. */
  force?: boolean;
  /** Told of the bytes read so far and the bytes there are to read, over all ranks. */
  onProgress?: (bytes: number, total: number) => void;
  /** Told, before anything is loaded, of the ranks, their threads and the memory that is expected to be needed. */
  onPlan?: (plan: LoadPlan) => void;
  /** "spread" binds each rank to cores of its own (Linux, by taskset); "none", the default, leaves that to the system. */
  cpuBind?: "none" | "spread";
  /** Ranks of which none gets on for so long are given up, in milliseconds; 0: never. Default 5 minutes. */
  rankTimeoutMs?: number;
  signal?: AbortSignal;
}

/** Progress is told in parts of `total`, the bytes of the checkpoint. */
export function engineSettings(
  { cacheDir, onProgress, threadsPerRank, cpuBind, rankTimeoutMs, onPlan, signal }: BuildOptions,
  total: number,
): Omit<EngineOptions, "worldSize" | "dtype" | "maxSeqLen"> {
  return {
    ...{ threadsPerRank, cpuBind, rankTimeoutMs, onPlan, signal },
    cacheRoot: cacheDir === undefined ? defaultCacheRoot() : cacheDir,
    onProgress: onProgress && ((bytes) => onProgress(Math.min(bytes, total), total)),
  };
}
