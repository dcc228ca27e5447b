/**
 * Loads and runs the stages in int8 or int4: weights are constants that the runtime prepacks, so every layer has its own sessions.
 * The sessions are created in memory, or kept in the weight cache: saved and then mapped, or only their constants if those are small.
 * Does not know the order of a step.
 */
import { join } from "node:path";
import { CONSTANTS, type StageGraph } from "../../model/architecture/graph-builder.js";
import type { Stage } from "../../model/architecture/step-plan.js";
import { openWeights, type WeightSource } from "../../model/checkpoint/weight-source.js";
import type { RankSetup } from "../shared/messages.js";
import { ConstantsFile } from "./constants-file.js";
import { needsPrecision } from "./exact-products.js";
import { createSession, integers, type Session, type Tensor, tensor } from "./onnx-session.js";
import { quantizeStage } from "./read-weights.js";
import { ALIGNED_BYTES, canSaveSession, type Stages, stageGraphs } from "./stages.js";
import { type ChunkMaths, chunkMaths } from "./weight-kernel.js";

/**
 * Reads and quantises a rank's weights into files in `folder`, which `openStages` opens. `onBytes` is called with the bytes
 * of each read, and with 0 before each stage: a stage that is mapped reads none. Throws LlamaError (model) for bad weights,
 * Error if writing fails.
 */
export async function writeStages(setup: RankSetup, folder: string, onBytes: (bytes: number) => void): Promise<void> {
  const settings = sessionSettings(setup);
  const source = openWeights(setup.checkpoint, onBytes, true);
  const maths = chunkMaths();
  let small: ConstantsFile | null = null;
  try {
    for (const [stage, graph] of stageGraphs(setup)) {
      onBytes(0);
      const bytes = quantizeStage(source, setup, stage, graph, maths);
      if (!canSaveSession(graph)) {
        small ??= ConstantsFile.create(constantsFile(folder, setup.rank));
        small.append(bytes);
        continue;
      }
      const file = stageFile(folder, setup.rank, stage);
      const made = createSession(graph.model, {
        ...settings,
        constants: { file: CONSTANTS, bytes },
        saveTo: { path: file, leastBytes: ALIGNED_BYTES + 1 },
      });
      try {
        const stored = createSession(file, settings);
        try {
          checkEqual(setup, made, stored, file);
        } finally {
          stored.release();
        }
      } finally {
        made.release();
      }
    }
  } finally {
    source.close();
    small?.close();
  }
}

/**
 * Creates a rank's sessions. Sessions saved in `folder` are mapped, and their weights read on first use; others are made
 * from the constants there. If `folder` is null, all weights are read and quantised. `onBytes` as in `writeStages`.
 */
export async function openStages(
  setup: RankSetup,
  folder: string | null,
  onBytes: (bytes: number) => void,
): Promise<Stages> {
  const settings = sessionSettings(setup);
  const sessions = new Map<Stage, Session>();
  let source: WeightSource | null = null;
  let maths: ChunkMaths | null = null;
  let small: ConstantsFile | null = null;
  let constantBytes = 0;
  /** The constants of a stage that is not mapped. */
  const constantsOf = (stage: Stage, graph: StageGraph): Buffer => {
    if (folder === null) {
      source ??= openWeights(setup.checkpoint, onBytes, true);
      maths ??= chunkMaths();
      return quantizeStage(source, setup, stage, graph, maths);
    }
    small ??= ConstantsFile.open(constantsFile(folder, setup.rank));
    return small.next(graph.constantBytes);
  };
  try {
    for (const [stage, graph] of stageGraphs(setup)) {
      onBytes(0);
      const session =
        folder !== null && canSaveSession(graph)
          ? createSession(stageFile(folder, setup.rank, stage), settings)
          : createSession(graph.model, {
              ...settings,
              constants: { file: CONSTANTS, bytes: constantsOf(stage, graph) },
            });
      constantBytes += graph.constantBytes;
      sessions.set(stage, session);
    }
  } finally {
    (source as WeightSource | null)?.close();
    (small as ConstantsFile | null)?.close();
  }
  return {
    constantBytes,
    run: (stage, feeds) => sessions.get(stage)!.run(feeds),
    close() {
      for (const session of sessions.values()) session.release();
    },
  };
}

/** What all sessions of a rank have. */
function sessionSettings({ threads, dtype }: RankSetup): { threads: number; precise: boolean } {
  return { threads, precise: dtype === "int8" && needsPrecision() };
}

/** Runs one row through both sessions; throws unless the saved one computes the same bits as the original. */
function checkEqual({ checkpoint, share }: RankSetup, made: Session, stored: Session, file: string): void {
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
  const [expected, found] = [made.run(feeds), stored.run(feeds)];
  for (const [name, numbers] of Object.entries(expected)) {
    if (numbers.some((value, i) => !Object.is(value, found[name]![i]))) {
      throw new Error(`${file} computes other numbers than the session it was saved from`);
    }
  }
}

function constantsFile(folder: string, rank: number): string {
  return join(folder, `${rank}.constants.bin`);
}

function stageFile(folder: string, rank: number, { name, layer }: Stage): string {
  return join(folder, `${rank}.${layer}.${name.replaceAll(" ", "-")}.onnx`);
}
