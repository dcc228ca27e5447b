/**
 * The messages between the host and its ranks, all of them.
 * A rank is started with a RankSetup as workerData and answers "progress"* "ready"; then each "step" is answered by one
 * "stepped", until "close" ends it. A rank that fails sends one "failed" and ends.
 */
import type { Checkpoint } from "../model/checkpoint.js";
import type { RankShare } from "../model/partition.js";
import type { CollectiveMemory } from "./collective.js";

/** How weights are held and multiplied. */
export type ComputeType = "fp32";

export interface RankSetup {
  rank: number;
  worldSize: number;
  checkpoint: Checkpoint;
  share: RankShare;
  dtype: ComputeType;
  /** Threads inside one operator. */
  threads: number;
  /** Polls before a waiting rank sleeps. */
  spins: number;
  /** Tokens a sequence may have at most. */
  maxSeqLen: number;
  collective: CollectiveMemory;
  /** Embedding table [vocabSize, dim] in the type of the file; every rank brings the rows of its vocabulary share. */
  embedding: SharedArrayBuffer;
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
  | { kind: "step"; tokens: Int32Array; spans: SequenceSpan[]; logitRows: Int32Array }
  | { kind: "release"; sequence: number }
  | { kind: "close" };

/** What one rank did in a step, in milliseconds. */
export interface StepTimes {
  total: number;
  /** Waiting for other ranks in sums. */
  waited: number;
}

export interface LoadReport {
  /** Bytes read from the checkpoint. */
  bytesRead: number;
  milliseconds: number;
}

export type RankMessage =
  | { kind: "progress"; bytes: number }
  | ({ kind: "ready" } & LoadReport)
  | ({ kind: "stepped"; cancelled: boolean } & StepTimes)
  | { kind: "failed"; phase: "load" | "step"; failure: Failure };

/** An error as data, since structured clone drops classes. `expected` marks a failure the user can act on. */
export interface Failure {
  message: string;
  stack: string;
  expected: "runtime" | "usage" | "model" | "memory" | null;
}
