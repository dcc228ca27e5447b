/** Node 0's engine: gathers the group, cuts the layers, loads the last of them, and passes steps through the other hosts. */
import { resolveKvType } from "../../engine/attention/resolve-kv-type.js";
import { Engine } from "../../engine/engine.js";
import { type EngineOptions, STEP_TOKENS } from "../../engine/host/engine-options.js";
import { PipelineEngine } from "../../engine/pipeline/pipeline-engine.js";
import { type Epoch, StageLost } from "../../engine/pipeline/stage-link.js";
import { stagePlan } from "../../engine/pipeline/stage-plan.js";
import type { LlamaError } from "../../error.js";
import type { Checkpoint } from "../../model/checkpoint/checkpoint.js";
import { cutLayers } from "../../model/sizes/cut-layers.js";
import type { Leader } from "../../net/group/leader.js";
import { cpuRemark, stageNodes } from "./node-facts.js";

export interface CutOptions {
  /** Layers of each host. */
  counts: readonly number[] | undefined;
  /** Load even if a host has too little memory. */
  force: boolean;
}

/** The class of error after which the loop continues in the next epoch. */
export function asStageLost(error: LlamaError): StageLost {
  return error instanceof StageLost ? error : new StageLost(error.message);
}

/** A `startEngine` of Llama.build for the group's node 0. */
export function pipelineStart(leader: Leader, { counts, force }: CutOptions) {
  return async (checkpoint: Checkpoint, options: EngineOptions): Promise<PipelineEngine> => {
    const { dtype, maxSeqLen } = options;
    const { say } = leader.member.options;
    const kvType = resolveKvType(options.kvDtype, dtype, checkpoint.config);
    const ring = await leader.gather();
    const remark = cpuRemark(ring);
    if (remark) say(remark);
    // The ring begins with the second host, and ends with this one.
    const nodes = stageNodes([ring.at(-1)!, ...ring.slice(0, -1)]);
    const setup = { dtype, kvType, maxSeqLen, stepTokens: STEP_TOKENS };
    const [own, ...others] = cutLayers(checkpoint.config, nodes, setup, { counts, force });
    const shares = [...others, own!];
    const ranges = shares.map(({ layers }) => layers);
    const maxPositions = Math.min(...shares.map(({ positions }) => positions));
    leader.assign(
      ring,
      ranges.map(({ start, end }) => ({ from: start, to: end })),
      { max_seq_len: String(maxSeqLen), max_positions: String(maxPositions) },
    );
    const [loaded, begun] = await Promise.allSettled([
      Engine.start(checkpoint, { ...options, layers: own!.layers }),
      leader.connect(),
    ]);
    if (loaded.status === "rejected") throw loaded.reason;
    if (begun.status === "rejected") {
      await loaded.value.close();
      throw begun.reason;
    }
    const plan = stagePlan(checkpoint.config, kvType, ranges, maxSeqLen, maxPositions);
    const epochs = new Epochs(leader, begun.value);
    return new PipelineEngine(loaded.value, plan, begun.value, {
      recover: () => epochs.next(),
      onRefused: (reason) => say(`Refused a message: ${reason}.`),
    });
  };
}

/** Begins the next epoch as soon as one has failed, not only when the next step needs it. */
class Epochs {
  readonly #leader: Leader;
  #next: Promise<Epoch> | null = null;

  constructor(leader: Leader, first: Awaited<ReturnType<Leader["connect"]>>) {
    this.#leader = leader;
    this.#watch(first);
  }

  next(): Promise<Epoch> {
    this.#next ??= this.#begin();
    const next = this.#next;
    this.#next = null;
    return next;
  }

  async #begin(): Promise<Epoch> {
    const epoch = await this.#leader.connect();
    this.#watch(epoch);
    return epoch;
  }

  #watch({ link }: Awaited<ReturnType<Leader["connect"]>>): void {
    link.onFailure = (error) => {
      this.#leader.member.options.say(`${error.message}.`);
      this.#next = this.#begin();
      // Whoever asks for it hears of it.
      this.#next.catch(() => {});
    };
  }
}
