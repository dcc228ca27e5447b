/** What the layers above need of an engine, whether its layers are in this process or on several hosts. Does not run anything. */
import type { Range } from "../../formats/tensor/range.js";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import type { KvType } from "../../model/architecture/kv-type.js";
import type { LoadReport } from "../shared/messages.js";
import type { CacheOutcome } from "../weight-cache/cache-plan.js";
import type { SequenceTokens } from "./cut-steps.js";
import type { RankTimes } from "./rank-times.js";

/** Total time of all forward passes, in milliseconds. */
export interface EngineTimes {
  steps: number;
  total: number;
  /** Time spent waiting for other ranks, mean over all ranks. */
  waited: number;
}

export interface ModelEngine {
  /** Ranks in this process. */
  readonly worldSize: number;
  readonly threadsPerRank: number;
  readonly dtype: ComputeType;
  /** Type of keys and values. */
  readonly kvType: KvType;
  /** Hash of everything that determines keys and values, except the number of ranks, which changes only their last bits. */
  readonly identity: string;
  readonly load: readonly LoadReport[];
  /** How the weight cache was used. */
  readonly weightCache: CacheOutcome;
  /** KV-cache bytes per position in this process, summed over its ranks. */
  readonly positionBytes: number;
  readonly times: EngineTimes;
  /** How each rank spent its time so far. */
  readonly rankTimes: RankTimes[];
  /** The layers whose keys and values the engine holds. */
  readonly layers: Range;
  /** Calls of forward() that keep all stages at work, each with other sequences. Absent: 1. */
  readonly depth?: number;
  /** Positions of all KV caches together that every stage has memory for; absent: only this process decides. */
  readonly maxPositions?: number | undefined;

  /**
   * Runs tokens of any number of sequences in steps of bounded size; returns the requested logits of each, [rows, vocabSize].
   * Calls run one after another, or follow each other through the stages. An abort stops between layers; the KV caches are then
   * valid at least up to `position`. `onTokens` is called after each step with the number of tokens that have run. Throws
   * LlamaError, the signal's reason, or StageLost, after which recover() is needed.
   */
  forward(
    batch: readonly SequenceTokens[],
    signal?: AbortSignal,
    onTokens?: (done: number) => void,
  ): Promise<Float32Array[]>;
  /** Returns the id of a new sequence. */
  newSequence(): number;
  /** Creates a sequence that begins with the first `length` tokens of another; copies their keys and values. */
  fork(source: number, length: number): number;
  /** Frees what the KV cache of a sequence holds beyond `positions` tokens. */
  trim(sequence: number, positions: number): void;
  /** Frees a sequence's KV cache. */
  release(sequence: number): void;
  /** KV-cache bytes of `length` tokens in one layer. */
  layerBytes(length: number): number;
  /** Yields keys and values of the first `length` tokens of a sequence, one layer at a time: [2, length, KV heads, bytes of a head]. */
  save(sequence: number, length: number): AsyncGenerator<Uint8Array, void, void>;
  /** Fills a layer of a sequence with what save() yielded; that engine must have the same identity, with any number of ranks. */
  restore(sequence: number, layer: number, rows: Uint8Array): void | Promise<void>;
  /** After StageLost: waits until all stages are there again. No sequence of before exists any more. Throws LlamaError if they are not. */
  recover?(): Promise<void>;
  /** Whether a sequence exists; absent: all that were made and not released do. */
  holds?(sequence: number): boolean;
  /** Stops the ranks and waits until their threads have ended. Running and waiting calls of forward() are rejected. */
  close(): Promise<void>;
}
