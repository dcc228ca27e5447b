/** A host that holds a stage: loads its layers when node 0 has planned, and computes until the group is over. */
import { Engine } from "../../engine/engine.js";
import { StageHost } from "../../engine/pipeline/stage-host.js";
import type { Epoch } from "../../engine/pipeline/stage-link.js";
import { stagePlan } from "../../engine/pipeline/stage-plan.js";
import { LlamaError } from "../../error.js";
import type { Range } from "../../formats/tensor/range.js";
import { engineSettings } from "../../generation/loading/build-options.js";
import { resolveSetup } from "../../generation/loading/open-model.js";
import type { StageWork } from "../../net/group/follower.js";
import type { Plan, StagePlace } from "../../net/group/plan.js";
import type { NodeModel } from "./node-facts.js";
import type { RankLogs } from "./rank-logs.js";

export class StageNode implements StageWork {
  readonly failed: Promise<never>;
  readonly #model: NodeModel;
  readonly #logs: RankLogs;
  readonly #say: (line: string) => void;
  #engine: Engine | null = null;
  #host: StageHost | null = null;
  #fail: (error: unknown) => void = () => {};

  /** The logs get what the ranks report. */
  constructor(model: NodeModel, logs: RankLogs, say: (line: string) => void) {
    this.#model = model;
    this.#logs = logs;
    this.#say = say;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => {});
  }

  get steps(): number {
    return this.#host?.times.steps ?? 0;
  }

  async load(place: StagePlace, plan: Plan, signal: AbortSignal): Promise<void> {
    await this.close();
    const { checkpoint, options } = this.#model;
    const { settings, stages } = plan;
    const number = (name: string) => {
      const value = Number(settings[name]);
      if (Number.isSafeInteger(value) && value > 0) return value;
      throw new LlamaError("runtime", "node 0's plan is not usable", { where: name, found: String(settings[name]) });
    };
    const [maxSeqLen, maxPositions] = [number("max_seq_len"), number("max_positions")];
    const ranges = checkedRanges(stages, checkpoint.config.nLayers);
    const setup = resolveSetup(checkpoint, options);
    const engine = await Engine.start(checkpoint, {
      ...engineSettings({ ...options, signal }, checkpoint.byteLength),
      ...setup,
      maxSeqLen,
      layers: { start: place.from, end: place.to },
    });
    this.#engine = engine;
    this.#logs.keepLoad(engine);
    const groupPlan = stagePlan(checkpoint.config, engine.kvType, ranges, maxSeqLen, maxPositions);
    const stage = ranges.findIndex(({ start }) => start === place.from);
    this.#host = new StageHost(engine, groupPlan, stage, {
      onLost: () => {},
      onFailure: this.#fail,
      onRefused: (reason) => this.#say(`Refused a message: ${reason}.`),
    });
  }

  enter(epoch: Epoch): void {
    this.#host!.enter(epoch);
  }

  /** What the stage did with its time and what it sent; null before it has begun. */
  get report(): string | null {
    if (!this.#host) return null;
    const { steps, rows, computing, waiting, received, sent } = this.#host.times;
    const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`;
    const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
    return `stage: ${steps} steps, ${rows} rows: computing ${seconds(computing)}, waiting for activations ${seconds(waiting)}; received ${megabytes(received)}, sent ${megabytes(sent)}`;
  }

  async close(): Promise<void> {
    const engine = this.#engine;
    if (!engine) return;
    this.#engine = null;
    this.#host?.leave();
    this.#logs.keepTimes(engine);
    await engine.close();
  }
}

/** Ranges that follow each other and cover all layers. */
function checkedRanges(stages: readonly StagePlace[], nLayers: number): Range[] {
  const ranges = stages.map(({ from, to }) => ({ start: from, end: to }));
  const follows = ranges.every(({ start }, i) => start === (ranges[i - 1]?.end ?? 0));
  if (follows && ranges.at(-1)?.end === nLayers) return ranges;
  throw new LlamaError("runtime", "node 0's plan is not usable", {
    where: "layers",
    expected: `all ${nLayers}, in order`,
  });
}
