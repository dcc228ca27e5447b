/** Loads and runs the stages in fp32: weights are graph inputs in our memory, so one session per stage serves every layer. */
import { type StageWeight, weightName } from "../../model/architecture/graph-builder.js";
import { openWeights } from "../../model/checkpoint/weight-source.js";
import type { RankSetup } from "../shared/messages.js";
import { FiniteCheck } from "./finite-check.js";
import { createSession, type Session, type Tensor, tensor } from "./onnx-session.js";
import { readMatrix, readNorm } from "./read-weights.js";
import { partLayer, type StageName, type StagePlace, type Stages, stageGraphs } from "./stages.js";

interface FloatStage {
  session: Session;
  weights: readonly StageWeight[];
}

/** Reads a rank's weights as float32, each once, and creates the sessions. `onBytes` is called with the bytes of each read. Throws LlamaError (model). */
export async function loadFloatStages(setup: RankSetup, onBytes: (bytes: number) => void): Promise<Stages> {
  const source = openWeights(setup.checkpoint, onBytes);
  const check = await FiniteCheck.create(setup.threads);
  const stages = new Map<StageName, FloatStage>();
  const loaded = new Map<string, Tensor>();
  try {
    for (const [place, { model, weights }] of stageGraphs(setup)) {
      let stage = stages.get(place.stage);
      if (!stage) {
        stage = { session: await createSession(model, { threads: setup.threads }), weights };
        stages.set(place.stage, stage);
      }
      for (const weight of stage.weights) {
        const layer = partLayer(place, weight.part);
        if (weight.kind === "norm") {
          const data = readNorm(source, setup, weight, layer);
          loaded.set(weightKey(place, weight), tensor(data, [data.length]));
        } else {
          const data = await readMatrix(source, setup, weight, layer, check);
          loaded.set(weightKey(place, weight), tensor(data, [weight.rows, weight.columns]));
        }
      }
    }
  } finally {
    source.close();
    await check.close();
  }
  return {
    constantBytes: 0,
    run(name, layer, feeds) {
      const { session, weights } = stages.get(name)!;
      for (const weight of weights) feeds[weightName(weight)] = loaded.get(weightKey({ stage: name, layer }, weight))!;
      return session.run(feeds);
    },
    async close() {
      for (const { session } of stages.values()) await session.release();
    },
  };
}

function weightKey(place: StagePlace, weight: StageWeight): string {
  return `${partLayer(place, weight.part)}.${weightName(weight)}`;
}
