/**
 * The messages between the host and its ranks, all of them.
 * A rank is started with a RankSetup as workerData and answers "progress"* "ready"; one that converts sends "converted"
 * between and waits for "open". Then each "step" is answered by one "stepped" and
 * each "save" by one "saved", until "close" ends it.
 * A rank that fails sends one "failed" and ends.
 */
import type { ErrorKind } from "../../error.js";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import type { Checkpoint } from "../../model/checkpoint/checkpoint.js";
import type { RankShare } from "../../model/split/partition.js";
import type { CollectiveMemory } from "./collective.js";
import type { Place } from "./heartbeat.js";
import type { Fault } from "./test-fault.js";

/** Where a rank's quantised weights come from; fp32 is always read into memory. */
export type WeightPlan =
  | { kind: "memory" }
  /** From a whole folder of the cache. */
  | { kind: "cache"; folder: string }
  /** Written into `folder` first; then the host says which folder to open. */
  | { kind: "convert"; folder: string };

export interface RankSetup {
  rank: number;
  worldSize: number;
  checkpoint: Checkpoint;
  share: RankShare;
  dtype: ComputeType;
  /** Threads inside one operator. */
  threads: number;
  /** Cores its threads are bound to, as taskset takes them; null: any. */
  cores: string | null;
  /** Milliseconds a waiting rank polls before it sleeps. */
  spinMs: number;
  /** Tokens a sequence may have at most. */
  maxSeqLen: number;
  weights: WeightPlan;
  collective: CollectiveMemory;
  /** Where each rank is. */
  heartbeats: SharedArrayBuffer;
  /** Made on purpose, by a test. */
  fault: Fault | null;
  /** [rows, vocabSize] floats: every rank writes the columns of its vocabulary share. */
  logits: SharedArrayBuffer;
}

/** Consecutive tokens of one sequence in a flat batch. */
export interface SequenceSpan {
  sequence: number;
  /** Position of the first token; what the cache held from there on is replaced. */
  position: number;
  count: number;
}

export type HostMessage =
  /** The folder all ranks have written, or null to load into memory instead. */
  | { kind: "open"; folder: string | null }
  | { kind: "step"; tokens: Int32Array; spans: SequenceSpan[]; logitRows: Int32Array }
  /** Positions a sequence will need at most, so that its cache does not grow beyond them. */
  | { kind: "reserve"; sequence: number; positions: number }
  /** A new sequence begins with a copy of the first `length` positions of another. */
  | { kind: "fork"; source: number; sequence: number; length: number }
  | { kind: "release"; sequence: number }
  /** Is answered by "saved". */
  | { kind: "save"; sequence: number; layer: number; length: number }
  /** Fills a layer of a sequence with what the rank, or another of its heads, has saved. */
  | { kind: "restore"; sequence: number; layer: number; bytes: Uint8Array }
  | { kind: "close" };

/** What one rank did in a step, in milliseconds. */
export interface StepTimes {
  total: number;
  /** Waiting for other ranks in sums. */
  waited: number;
  /** In sums, waiting included. */
  summing: number;
}

export interface LoadReport {
  /** Bytes read from the checkpoint. */
  bytesRead: number;
  milliseconds: number;
  /** Bytes that the rank holds: its weights and what JavaScript has allocated. */
  memory: number;
}

export type RankMessage =
  | { kind: "progress"; bytes: number }
  /** All files are written; or they could not be, and why. */
  | { kind: "converted"; failure: string | null }
  | ({ kind: "ready" } & LoadReport)
  | ({ kind: "stepped"; cancelled: boolean } & StepTimes)
  /** Keys and values of a layer, [2, length, KV heads of the rank * headDim] as bytes. */
  | { kind: "saved"; bytes: Uint8Array }
  | { kind: "failed"; place: Place; failure: Failure };

/** An error as data, since structured clone drops classes. `expected` marks a failure the user can act on. */
export interface Failure {
  message: string;
  stack: string;
  expected: ErrorKind | null;
}
