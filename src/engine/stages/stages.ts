/** The interface to the loaded stages of a rank, and the graph of each stage of its plan. Does not know the order of a step, or sessions. */

import type { StageGraph } from "../../model/architecture/graph-builder.js";
import { graphKey } from "../../model/architecture/recipe.js";
import { type Stage, stagesOf } from "../../model/architecture/step-plan.js";
import { buildStage } from "../../model/architecture/transformer.js";
import type { RankSetup } from "../shared/messages.js";
import type { Tensor } from "./onnx-session.js";

/**
 * The runtime aligns constants in a file only above this size; its kernels would read smaller ones at a wrong offset, and it crashes
 * on a small matrix of floats. Smaller ones are kept in the model's own file.
 */
export const ALIGNED_BYTES = 1 << 20;
/** The model's own file is read, not mapped: the small matrices of a stage may have at most this share. */
const MOST_SMALL = 1 / 4;

export interface Stages {
  /** Bytes of weights that the runtime holds or has mapped. */
  readonly constantBytes: number;
  /** Runs a stage of the plan that the stages were loaded for. */
  run(stage: Stage, feeds: Record<string, Tensor>): Record<string, Float32Array>;
  close(): void;
}

/** Yields every stage of a rank with its graph; stages of the same name and recipe share one graph. */
export function* stageGraphs({
  checkpoint,
  share,
  plan,
  dtype,
}: Pick<RankSetup, "checkpoint" | "share" | "plan" | "dtype">): Generator<[Stage, StageGraph]> {
  const built = new Map<string, StageGraph>();
  for (const stage of stagesOf(plan)) {
    const key = graphKey(stage, checkpoint.config, dtype);
    let graph = built.get(key);
    if (!graph) {
      graph = buildStage(checkpoint.config, share, stage, dtype);
      built.set(key, graph);
    }
    yield [stage, graph];
  }
}

/** Whether the session of a quantised stage can be saved and mapped; of a stage with mostly small constants, only these can be kept. */
export function canSaveSession({ weights }: StageGraph): boolean {
  const sizes = weights.flatMap((weight) => (weight.kind === "vector" ? [] : [weight.quantized?.packed.length ?? 0]));
  const [small, all] = [sizes.filter((bytes) => bytes <= ALIGNED_BYTES), sizes].map((some) =>
    some.reduce((sum, bytes) => sum + bytes, 0),
  );
  return small! <= MOST_SMALL * all!;
}
