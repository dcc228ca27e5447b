/** What the stages of a group agree on before the first message, and the sizes that follow from it. Does not know who holds a stage. */
import type { Range } from "../../formats/tensor/range.js";
import { type KvType, kvHeadBytes } from "../../model/architecture/kv-type.js";
import type { ModelConfig } from "../../model/config/config.js";
import { STEP_TOKENS } from "../host/engine-options.js";

export interface StagePlan {
  /** The layers of each stage, in the order of the forward pass; node 0 holds the last stage. */
  stages: readonly Range[];
  dim: number;
  vocabSize: number;
  /** Tokens of a sequence at most. */
  maxSeqLen: number;
  /** Tokens of a step at most. */
  maxRows: number;
  /** Positions of all KV caches together at most; null: each stage's memory decides. */
  maxPositions: number | null;
  /** Bytes of one token's keys and values in one layer, over all heads. */
  kvBytes: number;
}

/** The plan for a model whose layers are cut into `stages`. */
export function stagePlan(
  config: ModelConfig,
  kvType: KvType,
  stages: readonly Range[],
  maxSeqLen: number,
  maxPositions: number | null = null,
): StagePlan {
  const { dim, vocabSize, nKvHeads, headDim } = config;
  const kvBytes = 2 * nKvHeads * kvHeadBytes(headDim, kvType);
  return { stages, dim, vocabSize, maxSeqLen, maxRows: STEP_TOKENS, maxPositions, kvBytes };
}

/** The stage that holds a layer; -1 if none does. */
export function stageOf({ stages }: StagePlan, layer: number): number {
  return stages.findIndex(({ start, end }) => layer >= start && layer < end);
}
