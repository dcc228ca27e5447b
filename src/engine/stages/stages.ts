/** The interface to the loaded stages of a rank, and the graph of each stage of its plan. Does not know the order of a step, or sessions. */

import type { StageGraph } from "../../model/architecture/graph-builder.js";
import { graphKey } from "../../model/architecture/recipe.js";
import { type Stage, stagesOf } from "../../model/architecture/step-plan.js";
import { buildStage } from "../../model/architecture/transformer.js";
import type { RankSetup } from "../shared/messages.js";
import type { Tensor } from "./onnx-session.js";

/** The runtime aligns constants in a file only above this size; its kernels would read smaller ones at a wrong offset. */
const ALIGNED_BYTES = 1 << 20;
/** Scales of this size can be mapped unaligned. */
const LEAST_BYTES = 1024;
/** Small constants are kept in the model's own file, which is read, not mapped: at most this share of a stage. */
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

/**
 * Whether the session of a quantised stage can be saved and mapped, and then the smallest constants that are in the file to be
 * mapped. Of a stage with mostly small constants, only these can be kept: null.
 */
export function savedSession({ weights }: StageGraph): { leastBytes: number } | null {
  const sizes = weights.flatMap((weight) => (weight.kind === "vector" ? [] : [weight.quantized?.packed.length ?? 0]));
  const [small, all] = [sizes.filter((bytes) => bytes <= ALIGNED_BYTES), sizes].map((some) =>
    some.reduce((sum, bytes) => sum + bytes, 0),
  );
  if (small! > MOST_SMALL * all!) return null;
  return { leastBytes: small === 0 ? LEAST_BYTES : ALIGNED_BYTES + 1 };
}
