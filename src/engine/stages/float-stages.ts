/** Loads and runs the stages in fp32: weights are graph inputs in our memory, so one session per stage serves every layer. */
import { weightName, weightPart } from "../../model/architecture/graph-builder.js";
import { layerOf, type Stage } from "../../model/architecture/step-plan.js";
import { openWeights } from "../../model/checkpoint/weight-source.js";
import type { RankSetup } from "../shared/messages.js";
import { FiniteCheck } from "./finite-check.js";
import { createSession, type Session, type Tensor, tensor } from "./onnx-session.js";
import { readMatrix, readVector } from "./read-weights.js";
import { type Stages, stageGraphs } from "./stages.js";

/** Reads a rank's weights as float32, each once, and creates the sessions. `onBytes` is called with the bytes of each read. Throws LlamaError (model). */
export async function loadFloatStages(setup: RankSetup, onBytes: (bytes: number) => void): Promise<Stages> {
  const source = openWeights(setup.checkpoint, onBytes);
  const check = FiniteCheck.create(setup.threads);
  const sessions = new Map<string, Session>();
  const loaded = new Map<Stage, Record<string, Tensor>>();
  try {
    for (const [stage, { model, weights }] of stageGraphs(setup)) {
      if (!sessions.has(stage.name)) {
        sessions.set(stage.name, createSession(model, { threads: setup.threads }));
      }
      const feeds: Record<string, Tensor> = {};
      for (const weight of weights) {
        const layer = layerOf(stage, weightPart(weight));
        if (weight.kind === "vector") {
          const data = readVector(source, setup, weight, layer);
          feeds[weightName(weight)] = tensor(data, [data.length]);
        } else {
          const data = readMatrix(source, setup, weight, layer, check);
          feeds[weightName(weight)] = tensor(data, [weight.rows, weight.columns]);
        }
      }
      loaded.set(stage, feeds);
    }
  } finally {
    source.close();
    check.close();
  }
  return {
    constantBytes: 0,
    run: (stage, feeds) => sessions.get(stage.name)!.run({ ...loaded.get(stage)!, ...feeds }),
    async close() {
      for (const session of sessions.values()) session.release();
    },
  };
}
