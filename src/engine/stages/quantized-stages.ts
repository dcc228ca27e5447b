/**
 * Loads and runs the stages in int8 or int4: weights are constants that the runtime prepacks, so every layer has its own sessions.
 * The sessions are created in memory, or written to the weight cache once and then mapped. Does not know the order of a step.
 */
import { join } from "node:path";
import { CONSTANTS } from "../../model/architecture/graph-builder.js";
import type { Stage } from "../../model/architecture/step-plan.js";
import { openWeights, type WeightSource } from "../../model/checkpoint/weight-source.js";
import type { RankSetup } from "../shared/messages.js";
import { createSession, integers, type Session, type Tensor, tensor } from "./onnx-session.js";
import { quantizeStage } from "./read-weights.js";
import { isStorable, type Stages, stageGraphs } from "./stages.js";

/**
 * Reads and quantises a rank's weights into files in `folder`, which `openStages` opens. `onBytes` is called with the bytes
 * of each read, and with 0 before each stage: a stage that is mapped reads none. Throws LlamaError (model) for bad weights,
 * Error if writing fails.
 */
export async function writeStages(setup: RankSetup, folder: string, onBytes: (bytes: number) => void): Promise<void> {
  const { threads } = setup;
  const source = openWeights(setup.checkpoint, onBytes, true);
  try {
    for (const [stage, graph] of stageGraphs(setup)) {
      onBytes(0);
      if (!isStorable(graph)) continue;
      const file = stageFile(folder, setup.rank, stage);
      const constants = { file: CONSTANTS, bytes: quantizeStage(source, setup, stage, graph) };
      const made = await createSession(graph.model, { threads, constants, saveTo: file });
      try {
        const stored = await createSession(file, { threads });
        await checkEqual(setup, made, stored, file).finally(() => stored.release());
      } finally {
        await made.release();
      }
    }
  } finally {
    source.close();
  }
}

/**
 * Creates a rank's sessions. Sessions saved in `folder` are mapped, and their weights read on first use; the weights of
 * all others (of every session if `folder` is null) are read, quantised and held in memory. `onBytes` as in `writeStages`.
 */
export async function openStages(
  setup: RankSetup,
  folder: string | null,
  onBytes: (bytes: number) => void,
): Promise<Stages> {
  const { threads } = setup;
  const sessions = new Map<Stage, Session>();
  let source: WeightSource | null = null;
  let constantBytes = 0;
  try {
    for (const [stage, graph] of stageGraphs(setup)) {
      onBytes(0);
      let session: Session;
      if (folder !== null && isStorable(graph)) {
        session = await createSession(stageFile(folder, setup.rank, stage), { threads });
      } else {
        source ??= openWeights(setup.checkpoint, onBytes, true);
        const constants = { file: CONSTANTS, bytes: quantizeStage(source, setup, stage, graph) };
        session = await createSession(graph.model, { threads, constants });
      }
      constantBytes += graph.constantBytes;
      sessions.set(stage, session);
    }
  } finally {
    source?.close();
  }
  return {
    constantBytes,
    run: (stage, feeds) => sessions.get(stage)!.run(feeds),
    async close() {
      for (const session of sessions.values()) await session.release();
    },
  };
}

/** Runs one row through both sessions; throws unless the saved one computes the same bits as the original. */
async function checkEqual(
  { checkpoint, share }: RankSetup,
  made: Session,
  stored: Session,
  file: string,
): Promise<void> {
  const { dim, headDim } = checkpoint.config;
  const ramp = (...shape: number[]): Tensor => {
    const size = shape.reduce((a, b) => a * b);
    return tensor(
      Float32Array.from({ length: size }, (_, i) => Math.sin(i + 1)),
      shape,
    );
  };
  const feeds = {
    h: ramp(1, dim),
    attended: ramp(1, (share.qHeads.end - share.qHeads.start) * headDim),
    position_ids: integers([0], [1, 1]),
    cos: ramp(1, headDim / 2),
    sin: ramp(1, headDim / 2),
  };
  const [expected, found] = [await made.run(feeds), await stored.run(feeds)];
  for (const [name, numbers] of Object.entries(expected)) {
    if (numbers.some((value, i) => !Object.is(value, found[name]![i]))) {
      throw new Error(`${file} computes other numbers than the session it was saved from`);
    }
  }
}

function stageFile(folder: string, rank: number, { name, layer }: Stage): string {
  return join(folder, `${rank}.${layer}.${name.replaceAll(" ", "-")}.onnx`);
}
