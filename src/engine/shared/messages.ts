/**
 * All messages between the host and its ranks.
 * A rank starts with a RankSetup as workerData and answers "progress"* "ready"; a rank that converts sends "converted"
 * before "ready" and waits for "open". Then it answers each "step" with one "stepped" and each "save" with one "saved",
 * until "close" ends it. A rank that fails sends one "failed" and ends.
 */
import type { ErrorKind } from "../../error.js";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import type { KvType } from "../../model/architecture/kv-type.js";
import type { StepPlan } from "../../model/architecture/step-plan.js";
import type { Checkpoint } from "../../model/checkpoint/checkpoint.js";
import type { RankShare } from "../../model/split/partition.js";
import type { CollectiveMemory } from "./collective.js";
import type { Place } from "./heartbeat.js";
import type { Fault } from "./test-fault.js";

/** Where a rank's quantised weights come from; fp32 weights are always read into memory. */
export type WeightPlan =
  | { kind: "memory" }
  /** Opened from a complete folder of the weight cache. */
  | { kind: "cache"; folder: string }
  /** First written into `folder`; then the host names the folder to open. */
  | { kind: "convert"; folder: string };

export interface RankSetup {
  rank: number;
  worldSize: number;
  checkpoint: Checkpoint;
  share: RankShare;
  plan: StepPlan;
  dtype: ComputeType;
  /** Type of keys and values. */
  kvType: KvType;
  /** Threads inside one operator. */
  threads: number;
  /** Cores its threads are bound to, as a list for taskset; null: any. */
  cores: string | null;
  /** Milliseconds a waiting rank polls before it sleeps. */
  spinMs: number;
  /** Maximum number of tokens in a sequence. */
  maxSeqLen: number;
  weights: WeightPlan;
  collective: CollectiveMemory;
  /** Phase, layer and heartbeats of each rank. */
  heartbeats: SharedArrayBuffer;
  /** A failure that a test injects. */
  fault: Fault | null;
  /** [rows, vocabSize] floats: every rank writes the columns of its vocabulary share. */
  logits: SharedArrayBuffer;
}

/** Consecutive tokens of one sequence in a flat batch. */
export interface SequenceSpan {
  sequence: number;
  /** Position of the first token; cache entries from there on are replaced. */
  position: number;
  count: number;
  /** As in SequenceTokens. */
  promptLength?: number;
}

export type HostMessage =
  /** The folder that all ranks have written, or null to load into memory instead. */
  | { kind: "open"; folder: string | null }
  /** `input`: ids, or h [tokens, dim] for ranks without the first layer. */
  | { kind: "step"; input: Int32Array | Float32Array; spans: SequenceSpan[]; logitRows: Int32Array }
  /** Frees what the cache of a sequence holds beyond that many positions. */
  | { kind: "trim"; sequence: number; positions: number }
  /** Creates a sequence with a copy of the first `length` positions of another. */
  | { kind: "fork"; source: number; sequence: number; length: number }
  | { kind: "release"; sequence: number }
  /** Answered by "saved". */
  | { kind: "save"; sequence: number; layer: number; length: number }
  /** Fills a layer of a sequence with saved keys and values of this rank's heads. */
  | { kind: "restore"; sequence: number; layer: number; bytes: Uint8Array }
  | { kind: "close" };

/** How one rank spent a step, in milliseconds. */
export interface StepTimes {
  total: number;
  /** Waiting for other ranks, in sums. */
  waited: number;
  /** In sums, waiting included. */
  summing: number;
}

export interface LoadReport {
  /** Bytes read from the checkpoint. */
  bytesRead: number;
  milliseconds: number;
  /** Bytes that the rank holds: its weights and JavaScript's allocations. */
  memory: number;
}

export type RankMessage =
  | { kind: "progress"; bytes: number }
  /** All files are written (null), or why they could not be. */
  | { kind: "converted"; failure: string | null }
  | ({ kind: "ready" } & LoadReport)
  /** `h`: [tokens, dim] after the last layer, from rank 0 where the head is elsewhere. */
  | ({ kind: "stepped"; cancelled: boolean; h: Float32Array | null } & StepTimes)
  /** Keys and values of a layer, [2, length, KV heads of the rank, bytes of a head]. */
  | { kind: "saved"; bytes: Uint8Array }
  | { kind: "failed"; place: Place; failure: Failure };

/** An error as data, since structured clone drops classes. `expected` is the kind of a LlamaError, which the user can act on; null for any other error. */
export interface Failure {
  message: string;
  stack: string;
  expected: ErrorKind | null;
}
