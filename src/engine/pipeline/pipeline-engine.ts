/**
 * An engine whose layers are on several hosts. Node 0 holds the last layers and the head: it sends ids to the first stage, and gets
 * back what the stage before its own computes. Does not know the network, nor who holds a stage.
 */
import type { Range } from "../../formats/tensor/range.js";
import type { ComputeType } from "../../model/architecture/compute-type.js";
import type { KvType } from "../../model/architecture/kv-type.js";
import type { Engine } from "../engine.js";
import { cutSteps, type SequenceTokens, type Step } from "../host/cut-steps.js";
import { RANK_TIMEOUT_MS } from "../host/engine-options.js";
import type { EngineTimes, ModelEngine } from "../host/model-engine.js";
import { closedError } from "../host/rank-failure.js";
import type { RankTimes } from "../host/rank-times.js";
import type { LoadReport } from "../shared/messages.js";
import type { CacheOutcome } from "../weight-cache/cache-plan.js";
import { Ring } from "./ring.js";
import { checkLink } from "./stage-host.js";
import { type Epoch, StageLost } from "./stage-link.js";
import type { StagePlan } from "./stage-plan.js";
import { StageRunner, type StageTimes } from "./stage-runner.js";
import { StepRoom } from "./step-room.js";

/** What an engine over several hosts asks of the group's owner. */
export interface PipelineOptions {
  /** Resolves with the next epoch when all stages are there again. Throws LlamaError if nobody comes. */
  recover(lost: StageLost): Promise<Epoch>;
  /** A message was dropped, and why. */
  onRefused?: (reason: string) => void;
  /** A stage counts as lost if nothing comes back for this many milliseconds while a step is on its way; 0: never. Default: 5 minutes. */
  timeoutMs?: number | undefined;
}

export class PipelineEngine implements ModelEngine {
  readonly worldSize: number;
  readonly threadsPerRank: number;
  readonly dtype: ComputeType;
  readonly kvType: KvType;
  readonly identity: string;
  readonly load: readonly LoadReport[];
  readonly weightCache: CacheOutcome;
  readonly positionBytes: number;
  readonly times: EngineTimes;
  readonly layers: Range;
  readonly depth: number;
  readonly maxPositions: number | undefined;
  readonly #last: Engine;
  readonly #plan: StagePlan;
  readonly #options: PipelineOptions;
  readonly #runner: StageRunner;
  readonly #room: StepRoom;
  #ring: Ring;
  /** Why the present epoch has ended. */
  #end: Error | null = null;
  #nextSequence = 0;
  #closed = false;

  /** `last` runs the layers of the plan's last stage. Throws LlamaError for a link that is too narrow. */
  constructor(last: Engine, plan: StagePlan, epoch: Epoch, options: PipelineOptions) {
    const ends = plan.stages.map(({ end }) => end);
    this.worldSize = last.worldSize;
    this.threadsPerRank = last.threadsPerRank;
    this.dtype = last.dtype;
    this.kvType = last.kvType;
    this.identity = `${last.identity} stages ${ends.join("-")}`;
    this.load = last.load;
    this.weightCache = last.weightCache;
    this.positionBytes = last.positionBytes;
    this.times = last.times;
    this.layers = { start: 0, end: ends.at(-1)! };
    this.depth = plan.stages.length;
    this.maxPositions = plan.maxPositions ?? undefined;
    this.#last = last;
    this.#plan = plan;
    this.#options = options;
    this.#runner = new StageRunner(last, plan.stages.length - 1);
    this.#room = new StepRoom(this.depth);
    this.#ring = this.#begin(epoch);
  }

  get rankTimes(): RankTimes[] {
    return this.#last.rankTimes;
  }

  /** How the last stage, in this process, spent its time. */
  get stageTimes(): StageTimes {
    return { ...this.#runner.times };
  }

  newSequence(): number {
    return this.#nextSequence++;
  }

  holds(sequence: number): boolean {
    return this.#ring.holds(sequence);
  }

  fork(source: number, length: number): number {
    const sequence = this.newSequence();
    this.#ring.act({ kind: "fork", source, sequence, length });
    return sequence;
  }

  trim(sequence: number, positions: number): void {
    this.#ring.act({ kind: "trim", sequence, positions });
  }

  release(sequence: number): void {
    this.#ring.act({ kind: "release", sequence });
  }

  layerBytes(length: number): number {
    return this.#last.layerBytes(length);
  }

  async *save(sequence: number, length: number): AsyncGenerator<Uint8Array, void, void> {
    const ring = this.#ring;
    for (let layer = this.layers.start; layer < this.layers.end; layer++) {
      yield await ring.send({ kind: "save", sequence, layer, length }, new Uint8Array(0));
    }
  }

  /** Resolves when the stage that holds the layer has it. */
  async restore(sequence: number, layer: number, rows: Uint8Array): Promise<void> {
    const length = rows.length / this.layerBytes(1);
    await this.#ring.send({ kind: "restore", sequence, layer, length }, rows);
  }

  /** As the engine's; the steps of one call and those of others follow each other through the stages. */
  async forward(
    batch: readonly SequenceTokens[],
    signal?: AbortSignal,
    onTokens?: (done: number) => void,
  ): Promise<Float32Array[]> {
    const { vocabSize } = this.#plan;
    const results = batch.map(
      ({ logits, tokens }) =>
        new Float32Array((logits === "none" ? 0 : logits === "last" ? 1 : tokens.length) * vocabSize),
    );
    const trips: Promise<void>[] = [];
    let failure: { error: unknown } | null = null;
    let done = 0;
    const run = async (step: Step) => {
      try {
        const rows = await this.#step(step, signal);
        step.targets.forEach(({ item, row }, i) => {
          results[item]!.set(rows.subarray(i * vocabSize, (i + 1) * vocabSize), row * vocabSize);
        });
        done += step.tokens.length;
        onTokens?.(done);
      } catch (error) {
        failure ??= { error };
      } finally {
        this.#room.leave();
      }
    };
    for (const step of cutSteps(batch, this.#plan.maxRows, this.#last.maxLogitRows)) {
      await this.#room.enter();
      // What waits for room after a failure is not sent.
      trips.push(run(step));
      if (failure) break;
    }
    await Promise.all(trips);
    if (failure) throw (failure as { error: unknown }).error;
    return results;
  }

  async recover(): Promise<void> {
    const lost = this.#end;
    if (lost === null) return;
    if (this.#closed || !(lost instanceof StageLost)) throw lost;
    const epoch = await this.#options.recover(lost);
    if (this.#closed) {
      epoch.link.close();
      throw closedError();
    }
    this.#end = null;
    this.#ring = this.#begin(epoch);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#ring.end(closedError());
    this.#runner.reset();
    await this.#last.close();
  }

  #begin(epoch: Epoch): Ring {
    checkLink(epoch.link, this.#plan);
    this.#runner.reset();
    const { onRefused = () => {}, timeoutMs = RANK_TIMEOUT_MS } = this.#options;
    const onEnd = (error: Error) => {
      this.#end ??= error;
    };
    return new Ring(this.#plan, epoch, this.#runner, { onEnd, onRefused }, timeoutMs);
  }

  /** Returns the logits [rows, vocabSize] of a step. */
  async #step({ tokens, spans, logitRows }: Step, signal?: AbortSignal): Promise<Float32Array> {
    if (this.#closed) throw closedError();
    signal?.throwIfAborted();
    const ids = new Uint8Array(Int32Array.from(tokens).buffer);
    const { buffer, byteOffset, byteLength } = await this.#ring.send({ kind: "step", spans }, ids, logitRows, signal);
    return new Float32Array(buffer, byteOffset, byteLength / 4);
  }
}
