/** The limits of a model's request loop: requests at once, memory of their KV caches, requests that wait, time of a step. */
import { PAGE_TOKENS } from "../../engine/attention/page-layout.js";
import type { ModelEngine } from "../../engine/host/model-engine.js";
import { LlamaError } from "../../error.js";
import { showBytes } from "../../formats/files/amounts.js";
import { checkCount } from "../sampling/options.js";
import type { GenerationRequest } from "./request.js";

/** Requests at once, unless asked otherwise: beyond it one more hardly makes a step cheaper. */
const DEFAULT_CONCURRENCY = 16;
const DEFAULT_QUEUE = 1024;
const DEFAULT_STEP_MS = 1000;
/** What ended requests may keep where nobody sets the memory, as contexts of at most this length: a loop over many prompts must not fill the machine. */
const KEPT_CONTEXTS = 16;
const KEPT_LENGTH = 2048;

/** What Llama.build() takes. */
export interface LimitOptions {
  /** Requests that run at once at most. Default 16. */
  concurrency?: number;
  /** Bytes for KV caches at most, of running requests and of ended ones that later requests may continue. Default: half of the memory that is available after loading, of which ended requests keep 16 contexts of up to 2048 tokens, or one whole context. */
  kvMemory?: number;
  /** Requests that wait at most; a further one is refused. Default 1024. */
  maxQueue?: number;
  /** Milliseconds that a step with prompt tokens takes about at most while streams decode. Default 1000. */
  stepMs?: number;
  /** Called after each step with its milliseconds. */
  onStep?: (milliseconds: number) => void;
}

export interface LoopLimits {
  maxRequests: number;
  /** Positions of all KV caches together. */
  maxPositions: number;
  /** Positions of those of ended requests. */
  maxKept: number;
  maxQueue: number;
  stepMs: number;
  /** Tokens of a page, the unit in which KV caches take memory. Default 1. */
  pageTokens?: number;
  /** Bytes of a position over all layers and ranks, for messages. */
  positionBytes: number;
  /** Prompts that are longer share no KV cache, since it depends on their length; absent: all prompts may. */
  sharedLength?: number;
  onStep?: ((milliseconds: number) => void) | undefined;
}

/** Throws LlamaError (usage) that names the option. */
export function checkLimits({ concurrency, kvMemory, maxQueue, stepMs }: LimitOptions): void {
  checkCount("concurrency", concurrency, 1);
  checkCount("kv_memory", kvMemory, 1);
  checkCount("max_queue", maxQueue, 1);
  checkCount("step_ms", stepMs, 1);
}

/** `available`: bytes of memory that are free after loading. An engine over several hosts says how many positions all of them hold. A request as long as the context always fits, unless `kvMemory` says less. */
export function resolveLimits(
  {
    concurrency = DEFAULT_CONCURRENCY,
    kvMemory,
    maxQueue = DEFAULT_QUEUE,
    stepMs = DEFAULT_STEP_MS,
    onStep,
  }: LimitOptions,
  { positionBytes, maxPositions: most = Number.POSITIVE_INFINITY }: Pick<ModelEngine, "positionBytes" | "maxPositions">,
  maxSeqLen: number,
  available: number,
): LoopLimits {
  const positions = Math.floor((kvMemory ?? available / 2) / positionBytes);
  const maxPositions = Math.min(kvMemory === undefined ? Math.max(positions, maxSeqLen) : positions, most);
  const kept = Math.max(maxSeqLen, KEPT_CONTEXTS * Math.min(maxSeqLen, KEPT_LENGTH));
  const maxKept = kvMemory === undefined ? Math.min(maxPositions, kept) : maxPositions;
  const pageTokens = PAGE_TOKENS;
  return { maxRequests: concurrency, maxPositions, maxKept, maxQueue, stepMs, pageTokens, positionBytes, onStep };
}

/** The positions for which a KV cache of `positions` has memory: whole pages, but no more than there are for all. */
export function pagedPositions(positions: number, { pageTokens = 1, maxPositions }: LoopLimits): number {
  return Math.min(Math.ceil(positions / pageTokens) * pageTokens, Math.max(positions, maxPositions));
}

/** Throws LlamaError (usage) for a request that can never fit. */
export function checkFits(
  { promptIds, maxTokens }: GenerationRequest,
  { maxPositions, positionBytes }: LoopLimits,
): void {
  const positions = promptIds.length + maxTokens;
  if (positions <= maxPositions) return;
  throw new LlamaError("usage", "needs more KV-cache memory than kv_memory allows", {
    where: `${promptIds.length} prompt tokens and ${maxTokens} new ones`,
    expected: `at most ${showBytes(maxPositions * positionBytes)}`,
    found: showBytes(positions * positionBytes),
    fix: "Lower max_gen_len or raise kv_memory",
  });
}

/** Throws LlamaError (runtime) if as many requests wait as may. */
export function checkQueue(waiting: number, { maxQueue }: LoopLimits): void {
  if (waiting < maxQueue) return;
  throw new LlamaError("runtime", "the queue is full", { found: `${waiting} requests wait`, fix: "Try again later" });
}
