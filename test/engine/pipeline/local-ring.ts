/** Stages in one process: engines of ranges of layers, joined by links that carry messages between them late, in parts or not at all. */
import { Engine } from "../../../src/engine/engine.js";
import type { EngineOptions } from "../../../src/engine/host/engine-options.js";
import { PipelineEngine } from "../../../src/engine/pipeline/pipeline-engine.js";
import { StageHost } from "../../../src/engine/pipeline/stage-host.js";
import { type Epoch, type StageLink, StageLost, type StageReceiver } from "../../../src/engine/pipeline/stage-link.js";
import { stagePlan } from "../../../src/engine/pipeline/stage-plan.js";
import type { Range } from "../../../src/formats/tensor/range.js";
import type { Checkpoint } from "../../../src/model/checkpoint/checkpoint.js";

export interface RingOptions extends Partial<EngineOptions> {
  /** Bytes of a message at most. */
  maxMessage?: number;
  /** Milliseconds that a message is on its way. */
  delayMs?: number;
  /** Positions of all KV caches together at most. */
  maxPositions?: number;
  /** What follows the loss of a stage. Default: a new epoch at once. */
  recover?: () => Promise<Epoch>;
  /** Milliseconds without a message after which a stage counts as lost. */
  timeoutMs?: number;
}

/** A link of one epoch, to the next one of its circle. */
class LocalLink implements StageLink {
  readonly maxMessage: number;
  readonly #delayMs: number;
  readonly #early: Uint8Array[] = [];
  #receiver: StageReceiver | null = null;
  #isOpen = true;
  next: LocalLink | null = null;

  constructor(maxMessage: number, delayMs: number) {
    this.maxMessage = maxMessage;
    this.#delayMs = delayMs;
  }

  send(bytes: Uint8Array): void {
    if (!this.#isOpen) return;
    if (bytes.length > this.maxMessage) throw new RangeError(`a message of ${bytes.length} bytes`);
    // Timers of equal length fire in the order in which they were set.
    if (this.#delayMs > 0) setTimeout(() => this.next!.deliver(bytes), this.#delayMs);
    else setImmediate(() => this.next!.deliver(bytes));
  }

  listen(receiver: StageReceiver): void {
    this.#receiver = receiver;
    if (!this.#isOpen) receiver.failed(new StageLost("a stage was lost on purpose"));
    for (const bytes of this.#early) receiver.message(bytes);
  }

  close(): void {
    this.#isOpen = false;
  }

  deliver(bytes: Uint8Array): void {
    if (!this.#isOpen) return;
    // The payload may begin at any address.
    if (this.#receiver) this.#receiver.message(bytes);
    else this.#early.push(bytes);
  }

  fail(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#receiver?.failed(new StageLost("a stage was lost on purpose"));
  }
}

export class LocalRing {
  readonly hosts: StageHost[];
  readonly refused: string[] = [];
  readonly failures: unknown[] = [];
  /** Links of the present epoch; that of node 0 is the last. */
  links: LocalLink[] = [];
  /** Of all engines, in the order of the stages. */
  readonly engines: Engine[];
  pipeline!: PipelineEngine;
  epochs = 0;
  readonly #options: RingOptions;

  private constructor(engines: Engine[], hosts: (ring: LocalRing) => StageHost[], options: RingOptions) {
    this.engines = engines;
    this.#options = options;
    this.hosts = hosts(this);
  }

  /** `ranges`: the layers of each stage. */
  static async start(checkpoint: Checkpoint, ranges: readonly Range[], options: RingOptions = {}): Promise<LocalRing> {
    const { maxMessage: _, delayMs: __, maxPositions = null, recover, timeoutMs, ...rest } = options;
    const settings: EngineOptions = { worldSize: 1, dtype: "fp32", maxSeqLen: 512, threadsPerRank: 1, ...rest };
    const engines = await Promise.all(ranges.map((layers) => Engine.start(checkpoint, { ...settings, layers })));
    const last = engines.at(-1)!;
    const plan = stagePlan(checkpoint.config, last.kvType, ranges, settings.maxSeqLen, maxPositions);
    const hosts = (ring: LocalRing) =>
      engines.slice(0, -1).map(
        (engine, stage) =>
          new StageHost(engine, plan, stage, {
            onLost: () => {},
            onFailure: (error) => ring.failures.push(error),
            onRefused: (reason) => ring.refused.push(reason),
          }),
      );
    const ring = new LocalRing(engines, hosts, options);
    ring.pipeline = new PipelineEngine(last, plan, ring.enter(), {
      recover: recover ?? (async () => ring.enter()),
      timeoutMs,
      onRefused: (reason) => ring.refused.push(reason),
    });
    return ring;
  }

  /** All stages enter a new epoch; returns node 0's. */
  enter(): Epoch {
    const { maxMessage = 1 << 20, delayMs = 0 } = this.#options;
    const number = ++this.epochs;
    this.links = this.engines.map(() => new LocalLink(maxMessage, delayMs));
    // Node 0, the last stage, sends to the first.
    for (const [i, link] of this.links.entries()) link.next = this.links[(i + 1) % this.links.length]!;
    for (const [stage, host] of this.hosts.entries()) host.enter({ number, link: this.links[stage]! });
    return { number, link: this.links.at(-1)! };
  }

  /** Every stage hears that one is gone. */
  lose(): void {
    for (const link of this.links) link.fail();
  }

  async close(): Promise<void> {
    for (const host of this.hosts) host.leave();
    await this.pipeline.close();
    await Promise.all(this.engines.map((engine) => engine.close()));
  }
}

/** `layers` cut after these: cut(5, 1, 3) is 0-1, 1-3, 3-5. */
export function cut(layers: number, ...after: number[]): Range[] {
  const ends = [...after, layers];
  return ends.map((end, i) => ({ start: i === 0 ? 0 : ends[i - 1]!, end }));
}
