/** The options for loading a model, their checks, and their translation to the engine's options. */
import type { EngineOptions, LoadPlan } from "../../engine/host/engine-options.js";
import type { ModelEngine } from "../../engine/host/model-engine.js";
import { defaultCacheRoot } from "../../engine/weight-cache/cache-folder.js";
import { LlamaError } from "../../error.js";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import type { KvType } from "../../model/architecture/kv-type.js";
import type { Checkpoint } from "../../model/checkpoint/checkpoint.js";
import {
  BOOLEAN,
  checkOptions,
  either,
  FUNCTION,
  NULL,
  NUMBER,
  type OptionTypes,
  oneOf,
  SIGNAL,
  TEXT,
} from "../options/check-options.js";
import { checkCount } from "../sampling/options.js";
import { checkLimits, type LimitOptions } from "../scheduling/request-limits.js";

export interface BuildOptions extends LimitOptions {
  /** Folder of Meta's or Hugging Face's files, a GGUF file, or an id in the cache of huggingface_hub. */
  ckptDir: string;
  /** tokenizer.model, tokenizer.json or a GGUF file. Default: that of a GGUF file, else searched in ckptDir, then in its parent. */
  tokenizerPath?: string;
  /** Ranks (worker threads), 1 to the number of heads. "auto" (the default) chooses by the number of cores and files. */
  nprocPerNode?: number | "auto";
  /** Type of the weights in memory. "auto" (the default) is that of a GGUF file's blocks, else fp32 up to 1e9 parameters, else int8. */
  dtype?: "auto" | ComputeType;
  /** Type of keys and values in memory. "auto" (the default) is int8 beside quantised weights, else fp32. */
  kvDtype?: "auto" | KvType;
  /** Weight cache: folder that keeps quantised weights for the next start; null: no cache. Default $XDG_CACHE_HOME/llama-ts. */
  cacheDir?: string | null;
  /** Maximum number of tokens of prompt and answer together. Default: the model's context as far as memory allows, 2048 where its files do not say. */
  maxSeqLen?: number;
  /** Threads of each rank. Default: cores / ranks. */
  threadsPerRank?: number;
  /** Load the model even if it does not fit into the available memory. */
  force?: boolean;
  /** Called with the bytes read so far and the total bytes to read, over all ranks. */
  onProgress?: (bytes: number, total: number) => void;
  /** Called before anything is loaded, with the number of ranks, threads per rank and the estimated memory. */
  onPlan?: (plan: LoadPlan) => void;
  /** "spread" binds each rank to its own cores (Linux, with taskset); "none" (the default) leaves placement to the operating system. */
  cpuBind?: "none" | "spread";
  /** Fail if no rank makes progress for this many milliseconds; 0: never. Default: 5 minutes. */
  rankTimeoutMs?: number;
  /** Starts the engine for the opened checkpoint in another way than in this process alone; then memory is not checked here, and the default of maxSeqLen is 2048 or the model's own, if that is less. */
  startEngine?: (checkpoint: Checkpoint, options: EngineOptions) => Promise<ModelEngine>;
  signal?: AbortSignal;
}

const BUILD_TYPES: OptionTypes<BuildOptions> = {
  ckptDir: TEXT,
  tokenizerPath: TEXT,
  nprocPerNode: either(NUMBER, oneOf("auto")),
  dtype: oneOf("auto", "fp32", "int8", "int4"),
  kvDtype: oneOf("auto", "fp32", "int8"),
  cacheDir: either(TEXT, NULL),
  maxSeqLen: NUMBER,
  threadsPerRank: NUMBER,
  force: BOOLEAN,
  onProgress: FUNCTION,
  onPlan: FUNCTION,
  cpuBind: oneOf("none", "spread"),
  rankTimeoutMs: NUMBER,
  startEngine: FUNCTION,
  signal: SIGNAL,
  concurrency: NUMBER,
  kvMemory: NUMBER,
  maxQueue: NUMBER,
  stepMs: NUMBER,
  onStep: FUNCTION,
};

/** Throws LlamaError (usage) that names an option that is unknown, of the wrong type or out of range. */
export function checkBuildOptions(options: BuildOptions): void {
  checkOptions(options, BUILD_TYPES, ["ckptDir"]);
  const { maxSeqLen, threadsPerRank, rankTimeoutMs = 0 } = options;
  checkCount("max_seq_len", maxSeqLen, 1);
  checkCount("threads", threadsPerRank, 1);
  checkLimits(options);
  if (!(rankTimeoutMs >= 0)) {
    const expected = "a number of at least 0";
    throw new LlamaError("usage", "out of range", { where: "rankTimeoutMs", expected, found: String(rankTimeoutMs) });
  }
}

/** The engine's options. `total`: bytes of the checkpoint, which reported progress never exceeds. */
export function engineSettings(
  { cacheDir, onProgress, threadsPerRank, cpuBind, rankTimeoutMs, onPlan, signal }: BuildOptions,
  total: number,
): Omit<EngineOptions, "worldSize" | "dtype" | "kvDtype" | "maxSeqLen"> {
  return {
    ...{ threadsPerRank, cpuBind, rankTimeoutMs, onPlan, signal },
    cacheRoot: cacheDir === undefined ? defaultCacheRoot() : cacheDir,
    onProgress: onProgress && ((bytes) => onProgress(Math.min(bytes, total), total)),
  };
}
