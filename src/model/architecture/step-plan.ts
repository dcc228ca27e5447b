/** The plan of a step as data: which stages run in which order, where attention runs, and where ranks are summed. Does not run it. */
import { lengthOf, type Range } from "../../formats/tensor/range.js";
import type { ModelConfig } from "../config/config.js";
import type { Part } from "./tensor-table.js";

/** The parts of a layer, in the order of the forward pass. Attention follows qkv; wo and ffn add to the residual stream. */
const LAYER_PARTS = ["qkv", "wo", "ffn"] as const;
/** All parts, in the order of the forward pass. */
export const PARTS: readonly Part[] = ["embed", ...LAYER_PARTS, "head"];

/** What a stage is fed with: the residual stream h, the output of attention, positions and their rotary tables. */
export type StageInput = "h" | "attended" | "rotary";

/** Parts that run in one call of the runtime. Stages of the same name have the same graph, with the weights of other layers. */
export interface Stage {
  /** Its parts, separated by spaces; "unrotated" follows a qkv that does not rotate q and k. */
  name: string;
  /** The layer of its first part; the head comes after the last layer. */
  layer: number;
  parts: readonly { part: Part; layer: number }[];
  inputs: readonly StageInput[];
  /** Whether wo and ffn add their results to h. If not, the stage returns a partial product, which is summed over ranks. */
  addsToStream: boolean;
}

/** What a rank does in a step, in order. */
export type Operation =
  /** tokens -> h; a plan without it begins with h */
  | { kind: "embed" }
  | { kind: "stage"; stage: Stage }
  /** The q, k and v of the last stage -> attended. */
  | { kind: "attention"; layer: number }
  /** Adds the partial products of all ranks to h. */
  | { kind: "sum"; layer: number }
  /** A stage for the rows of h whose logits are wanted. A plan without it ends with h. */
  | { kind: "head"; stage: Stage };

/** Plain data: can be sent to other threads. */
export type StepPlan = readonly Operation[];

/**
 * The plan for a range of a model's layers, the same for all its ranks: [embed] layers [head]. A stage ends at attention,
 * which needs the KV cache, and with several ranks at every sum. A single rank's stages reach from one attention to the next.
 */
export function planStep(config: ModelConfig, layers: Range, worldSize: number): StepPlan {
  const plan: Operation[] = [];
  let parts: { part: Part; layer: number }[] = [];
  const endStage = (kind: "stage" | "head" = "stage") => {
    if (parts.length > 0) plan.push({ kind, stage: makeStage(parts, config, worldSize === 1) });
    parts = [];
  };
  if (partCount("embed", config, layers) > 0) plan.push({ kind: "embed" });
  for (let layer = layers.start; layer < layers.end; layer++) {
    for (const part of LAYER_PARTS) {
      parts.push({ part, layer });
      if (part === "qkv") {
        endStage();
        plan.push({ kind: "attention", layer });
      } else if (worldSize > 1) {
        endStage();
        plan.push({ kind: "sum", layer });
      }
    }
  }
  endStage();
  if (partCount("head", config, layers) > 0) {
    parts.push({ part: "head", layer: layers.end });
    endStage("head");
  }
  return plan;
}

/** How many times a part occurs in a range of layers: the first layer brings the embedding, the last one the head. */
export function partCount(part: Part, { nLayers }: ModelConfig, layers: Range): number {
  if (part === "embed") return layers.start === 0 ? 1 : 0;
  if (part === "head") return layers.end === nLayers ? 1 : 0;
  return lengthOf(layers);
}

/** All stages of a plan, in order. */
export function stagesOf(plan: StepPlan): Stage[] {
  return plan.flatMap((operation) => ("stage" in operation ? [operation.stage] : []));
}

/** The layer that the weights of a stage's part belong to. */
export function layerOf({ name, parts }: Stage, part: Part): number {
  const found = parts.find((other) => other.part === part);
  if (!found) throw new RangeError(`stage ${name} has no ${part}`);
  return found.layer;
}

function makeStage(parts: Stage["parts"], config: ModelConfig, addsToStream: boolean): Stage {
  const has = (wanted: Part) => parts.some(({ part }) => part === wanted);
  const isRotated = parts.some(({ part, layer }) => part === "qkv" && !config.unrotatedLayers.includes(layer));
  const inputs: StageInput[] = [];
  // wo alone only projects the output of attention.
  if (addsToStream || !has("wo")) inputs.push("h");
  if (has("wo")) inputs.push("attended");
  if (isRotated) inputs.push("rotary");
  const words = parts.map(({ part }) => (part === "qkv" && !isRotated ? "qkv unrotated" : part));
  return { name: words.join(" "), layer: parts[0]!.layer, parts, inputs, addsToStream };
}
