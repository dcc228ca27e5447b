/**
 * Stages in int8 or int4: weights are constants that the runtime prepacks, so every layer's stage is a session of its own.
 * It is made in memory, or written to the cache once and from then on mapped. Knows stages; not the order of a step.
 */
import { join } from "node:path";
import { CONSTANTS } from "../../model/architecture/graph-builder.js";
import { openWeights, type WeightSource } from "../../model/checkpoint/weight-source.js";
import { throwIfBroken } from "../shared/collective.js";
import type { RankSetup } from "../shared/messages.js";
import { createSession, integers, type Session, type Tensor, tensor } from "./onnx-session.js";
import { quantizeStage } from "./read-weights.js";
import { isStorable, type StagePlace, type Stages, stageGraphs } from "./stages.js";

/** Reads and quantises a rank's weights into files of `folder`, which `openStages` opens. Fails like any writing does. */
export async function writeStages(setup: RankSetup, folder: string, onBytes: (bytes: number) => void): Promise<void> {
  const { threads } = setup;
  const source = openWeights(setup.checkpoint, onBytes, true);
  try {
    for (const [place, segment] of stageGraphs(setup)) {
      throwIfBroken(setup.collective);
      if (!isStorable(segment)) continue;
      const file = stageFile(folder, setup.rank, place);
      const constants = { file: CONSTANTS, bytes: quantizeStage(source, setup, place, segment) };
      const made = await createSession(segment.model, { threads, constants, saveTo: file });
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
 * Makes a rank's sessions. Those stored in `folder` are mapped, and their weights read as they are used;
 * all others (`folder` null: every one) are read, quantised and held in memory.
 */
export async function openStages(
  setup: RankSetup,
  folder: string | null,
  onBytes: (bytes: number) => void,
): Promise<Stages> {
  const { threads } = setup;
  const sessions = new Map<string, Session>();
  let source: WeightSource | null = null;
  let constantBytes = 0;
  try {
    for (const [place, segment] of stageGraphs(setup)) {
      throwIfBroken(setup.collective);
      let session: Session;
      if (folder !== null && isStorable(segment)) {
        session = await createSession(stageFile(folder, setup.rank, place), { threads });
      } else {
        source ??= openWeights(setup.checkpoint, onBytes, true);
        const constants = { file: CONSTANTS, bytes: quantizeStage(source, setup, place, segment) };
        session = await createSession(segment.model, { threads, constants });
      }
      constantBytes += segment.constantBytes;
      sessions.set(stageKey(place), session);
    }
  } finally {
    source?.close();
  }
  return {
    constantBytes,
    run: (stage, layer, feeds) => sessions.get(stageKey({ stage, layer }))!.run(feeds),
    async close() {
      for (const session of sessions.values()) await session.release();
    },
  };
}

/** Runs one row through both sessions: what is read back must compute what was written. */
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
      throw new Error(`${file} does not compute what was written`);
    }
  }
}

function stageKey({ stage, layer }: StagePlace): string {
  return `${stage}.${layer}`;
}

function stageFile(folder: string, rank: number, { stage, layer }: StagePlace): string {
  return join(folder, `${rank}.${layer}.${stage.replaceAll(" ", "-")}.onnx`);
}
