/** Defines the stages of a step, each a graph that a rank runs between two sums or attentions, and which parts each contains. Does not create sessions. */

import type { StageGraph } from "../../model/architecture/graph-builder.js";
import type { Part } from "../../model/architecture/matrices.js";
import { buildStage } from "../../model/architecture/transformer.js";
import type { RankSetup } from "../shared/messages.js";
import type { Numbers, Tensor } from "./onnx-session.js";

/** The runtime aligns constants in a file only from this size on; its kernels would read smaller ones at a wrong offset. */
const ALIGNED_BYTES = 1 << 20;

/** The parts that run in one graph. */
export type StageName = "qkv" | "wo" | "ffn" | "wo ffn" | "wo ffn qkv" | "head";

export interface Stages {
  /** Bytes of weights that the runtime holds or has mapped. */
  readonly constantBytes: number;
  /** Runs a stage of a layer; in "wo ffn qkv", qkv belongs to the next layer. */
  run(stage: StageName, layer: number, feeds: Record<string, Tensor>): Promise<Record<string, Numbers>>;
  close(): Promise<void>;
}

/** A stage and its layer. */
export interface StagePlace {
  stage: StageName;
  layer: number;
}

/**
 * All stages of a step, in the order of the layers. A single rank does not stop for sums, so each of its stages runs from
 * one attention to the next.
 */
export function stagePlan(nLayers: number, worldSize: number): StagePlace[] {
  const plan: StagePlace[] = [{ stage: "qkv", layer: 0 }];
  for (let layer = 0; layer < nLayers; layer++) {
    const isLast = layer === nLayers - 1;
    if (worldSize === 1) plan.push({ stage: isLast ? "wo ffn" : "wo ffn qkv", layer });
    else {
      plan.push({ stage: "wo", layer }, { stage: "ffn", layer });
      if (!isLast) plan.push({ stage: "qkv", layer: layer + 1 });
    }
  }
  return [...plan, { stage: "head", layer: nLayers }];
}

function stageParts(stage: StageName): Part[] {
  return stage.split(" ") as Part[];
}

/** The layer a part's weights belong to. */
export function partLayer({ stage, layer }: StagePlace, part: Part): number {
  return part === "qkv" && stage !== "qkv" ? layer + 1 : layer;
}

/** Yields every stage of a rank with its graph; stages of the same name share one graph. */
export function* stageGraphs({
  checkpoint,
  share,
  worldSize,
  dtype,
}: Pick<RankSetup, "checkpoint" | "share" | "worldSize" | "dtype">): Generator<[StagePlace, StageGraph]> {
  const built = new Map<StageName, StageGraph>();
  for (const place of stagePlan(checkpoint.config.nLayers, worldSize)) {
    let graph = built.get(place.stage);
    if (!graph) {
      graph = buildStage(checkpoint.config, share, stageParts(place.stage), worldSize === 1, dtype);
      built.set(place.stage, graph);
    }
    yield [place, graph];
  }
}

/** Whether a quantised stage can be saved to a file. */
export function isStorable({ weights }: StageGraph): boolean {
  return weights.every((weight) => weight.kind === "norm" || (weight.quantized?.packed.length ?? 0) > ALIGNED_BYTES);
}
