/**
 * The host of the ranks: starts them, sends them flat batches, collects the logits and stops them.
 * Maps (tokens, positions) to logits. Does not know text, sampling or flags.
 */
import { changedError } from "../formats/files/file-stamp.js";
import type { Range } from "../formats/tensor/range.js";
import type { ComputeType } from "../model/architecture/compute-type.js";
import { type KvType, kvForm } from "../model/architecture/kv-type.js";
import { partCount, planStep } from "../model/architecture/step-plan.js";
import type { Checkpoint } from "../model/checkpoint/checkpoint.js";
import { modelBytesPerToken } from "../model/sizes/bytes-per-token.js";
import { memoryNeed } from "../model/sizes/memory-need.js";
import { allLayers, partition } from "../model/split/partition.js";
import { resolveKvType } from "./attention/resolve-kv-type.js";
import { cutSteps, type SequenceTokens } from "./host/cut-steps.js";
import { type EngineOptions, RANK_TIMEOUT_MS, STEP_TOKENS } from "./host/engine-options.js";
import type { EngineTimes, ModelEngine } from "./host/model-engine.js";
import { closedError } from "./host/rank-failure.js";
import { RankGroup } from "./host/rank-group.js";
import { RankClock, type RankTimes } from "./host/rank-times.js";
import { availableCores, threadsOfRank } from "./machine/cores.js";
import { spreadCores } from "./machine/cpu-bind.js";
import { KvColumns } from "./rank/kv-columns.js";
import { allocateCollective, requestCancel } from "./shared/collective.js";
import { allocateHeartbeats } from "./shared/heartbeat.js";
import type { LoadReport, RankSetup, SequenceSpan } from "./shared/messages.js";
import { plannedFault } from "./shared/test-fault.js";
import { type CacheOutcome, WeightCachePlan } from "./weight-cache/cache-plan.js";
import { modelIdentity } from "./weight-cache/model-identity.js";

/** Maximum bytes of the shared logits (always at least one row). */
const LOGITS_BYTES = 32 << 20;
/**
 * Milliseconds a waiting rank polls before it sleeps, if every rank has a core: waking up takes longer than most waits.
 * While other programs run, a longer poll takes the core from the rank being waited for (`node bench/busy.js`).
 */
const SPIN_MS = 0.05;

export type { SequenceTokens } from "./host/cut-steps.js";

export class Engine implements ModelEngine {
  readonly worldSize: number;
  readonly threadsPerRank: number;
  readonly dtype: ComputeType;
  readonly kvType: KvType;
  readonly identity: string;
  readonly load: readonly LoadReport[];
  readonly weightCache: CacheOutcome;
  readonly positionBytes: number;
  readonly times: EngineTimes = { steps: 0, total: 0, waited: 0 };
  readonly #clock: RankClock;
  readonly #group: RankGroup;
  readonly #setup: RankSetup;
  readonly #columns: KvColumns;
  readonly #vocabSize: number;
  #turn: Promise<unknown> = Promise.resolve();
  #nextSequence = 0;
  #closed = false;

  private constructor(
    group: RankGroup,
    setups: readonly RankSetup[],
    identity: string,
    load: LoadReport[],
    weightCache: CacheOutcome,
  ) {
    const setup = setups[0]!;
    const shares = setups.map(({ share }) => share);
    this.kvType = setup.kvType;
    this.positionBytes = modelBytesPerToken(setup.checkpoint.config, shares, setup.dtype, setup.kvType).position;
    this.#columns = new KvColumns(setup.checkpoint.config, shares, setup.kvType);
    this.#group = group;
    this.#setup = setup;
    this.identity = identity;
    this.load = load;
    this.weightCache = weightCache;
    this.worldSize = setup.worldSize;
    this.#clock = new RankClock(setup.worldSize);
    this.threadsPerRank = setup.threads;
    this.dtype = setup.dtype;
    this.#vocabSize = setup.checkpoint.config.vocabSize;
  }

  /** Starts the ranks and waits until each has loaded its share. Throws LlamaError, or the signal's reason after an abort. */
  static async start(checkpoint: Checkpoint, options: EngineOptions): Promise<Engine> {
    const { worldSize, dtype, maxSeqLen, onProgress, signal } = options;
    const { config } = checkpoint;
    throwIfChanged(checkpoint);
    const kvType = resolveKvType(options.kvDtype, dtype, config);
    const identity = modelIdentity(checkpoint, dtype);
    const { layers = allLayers(config) } = options;
    const hasHead = partCount("head", config, layers) > 0;
    const shares = partition(config, worldSize, layers);
    const plan = planStep(config, layers, worldSize);
    const cores = availableCores();
    const threads = options.threadsPerRank ?? threadsOfRank(cores, worldSize, plan, dtype);
    const rows = Math.max(1, Math.min(STEP_TOKENS, Math.floor(LOGITS_BYTES / 4 / config.vocabSize)));
    const common = {
      worldSize,
      checkpoint,
      plan,
      dtype,
      kvType,
      threads,
      spinMs: worldSize * threads <= cores ? SPIN_MS : 0,
      maxSeqLen,
      heartbeats: allocateHeartbeats(worldSize),
      fault: plannedFault(),
      collective: allocateCollective(worldSize, STEP_TOKENS * config.dim),
      logits: new SharedArrayBuffer(hasHead ? rows * config.vocabSize * 4 : 0),
    };
    const bound = options.cpuBind === "spread" ? spreadCores(worldSize, threads) : null;
    const memory = memoryNeed(config, worldSize, dtype, maxSeqLen, STEP_TOKENS, layers, kvType).total;
    options.onPlan?.({ worldSize, threadsPerRank: threads, memory });
    // Creates a folder, which is removed only if what follows fails inside the `try`.
    const weights = new WeightCachePlan(checkpoint, shares, dtype, identity, options.cacheRoot ?? null);
    try {
      const setups = shares.map(
        (share, rank): RankSetup => ({ ...common, weights: weights.plan, rank, share, cores: bound?.[rank] ?? null }),
      );
      const group = new RankGroup(setups, options.rankTimeoutMs ?? RANK_TIMEOUT_MS);
      const load = await group.ready(
        async (failure) => {
          throwIfChanged(checkpoint);
          return weights.finish(failure);
        },
        onProgress,
        signal,
      );
      const changed = changedError(checkpoint.stamps);
      if (changed) {
        await group.close();
        throw changed;
      }
      return new Engine(group, setups, `${identity} ${kvForm(kvType)}`, load, weights.outcome);
    } catch (error) {
      if (signal?.aborted) throw error;
      // A mixture of two files can fail in any way; the change is the cause.
      throwIfChanged(checkpoint, error);
      if (!weights.discardIfUnreadable(error)) throw error;
      return Engine.start(checkpoint, { ...options, onPlan: undefined });
    } finally {
      weights.dispose();
    }
  }

  newSequence(): number {
    return this.#nextSequence++;
  }

  fork(source: number, length: number): number {
    const sequence = this.newSequence();
    this.#group.post({ kind: "fork", source, sequence, length });
    return sequence;
  }

  trim(sequence: number, positions: number): void {
    this.#group.post({ kind: "trim", sequence, positions });
  }

  get rankTimes(): RankTimes[] {
    return this.#clock.times();
  }

  get layers(): Range {
    return this.#setup.share.layers;
  }

  /** Rows of logits that a step returns at most. */
  get maxLogitRows(): number {
    return this.#setup.logits.byteLength / 4 / this.#vocabSize;
  }

  layerBytes(length: number): number {
    return 2 * length * this.#columns.rowBytes;
  }

  /** Yields the engine's own layers. */
  async *save(sequence: number, length: number): AsyncGenerator<Uint8Array, void, void> {
    for (let layer = this.layers.start; layer < this.layers.end; layer++) {
      yield await this.saveLayer(sequence, layer, length);
    }
  }

  /** Keys and values of one of the engine's layers, as save() yields them. */
  async saveLayer(sequence: number, layer: number, length: number): Promise<Uint8Array> {
    const pieces = this.#turn.then(() => {
      if (this.#closed) throw closedError();
      return this.#group.save({ kind: "save", sequence, layer, length });
    });
    this.#turn = pieces.catch(() => undefined);
    return this.#columns.join(await pieces);
  }

  restore(sequence: number, layer: number, rows: Uint8Array): void {
    for (let rank = 0; rank < this.worldSize; rank++) {
      this.#group.postTo(rank, { kind: "restore", sequence, layer, bytes: this.#columns.partOf(rank, rows) });
    }
  }

  release(sequence: number): void {
    this.#group.post({ kind: "release", sequence });
  }

  /** Runs one step after another; only an engine of all layers can. */
  forward(
    batch: readonly SequenceTokens[],
    signal?: AbortSignal,
    onTokens?: (done: number) => void,
  ): Promise<Float32Array[]> {
    const result = this.#turn.then(() => this.#forward(batch, signal, onTokens));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #forward(
    batch: readonly SequenceTokens[],
    signal?: AbortSignal,
    onTokens?: (done: number) => void,
  ): Promise<Float32Array[]> {
    let done = 0;
    const results = batch.map(
      ({ logits, tokens }) =>
        new Float32Array((logits === "none" ? 0 : logits === "last" ? 1 : tokens.length) * this.#vocabSize),
    );
    for (const step of cutSteps(batch, STEP_TOKENS, this.maxLogitRows)) {
      signal?.throwIfAborted();
      await this.#step(Int32Array.from(step.tokens), step.spans, step.logitRows, signal);
      done += step.tokens.length;
      onTokens?.(done);
      const shared = new Float32Array(this.#setup.logits);
      step.targets.forEach(({ item, row }, i) => {
        results[item]!.set(shared.subarray(i * this.#vocabSize, (i + 1) * this.#vocabSize), row * this.#vocabSize);
      });
    }
    return results;
  }

  /**
   * Runs one step of a range of layers: ids, or what the layers before return. Returns h after the last of them, [tokens, dim], or
   * with the head the logits of `logitRows`, [rows, vocabSize]. Steps run in the order of the calls. Throws as forward() does.
   */
  step(
    input: Int32Array | Float32Array,
    spans: SequenceSpan[],
    logitRows: readonly number[],
    signal?: AbortSignal,
  ): Promise<Float32Array> {
    const result = this.#turn.then(async () => {
      signal?.throwIfAborted();
      const h = await this.#step(input, spans, logitRows, signal);
      return h ?? new Float32Array(this.#setup.logits).slice(0, logitRows.length * this.#vocabSize);
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Returns h of the first rank; null where the logits are in shared memory. */
  async #step(
    input: Int32Array | Float32Array,
    spans: SequenceSpan[],
    logitRows: readonly number[],
    signal?: AbortSignal,
  ): Promise<Float32Array | null> {
    if (this.#closed) throw closedError();
    const { collective } = this.#setup;
    const cancel = () => requestCancel(collective, true);
    signal?.addEventListener("abort", cancel, { once: true });
    const begin = performance.now();
    try {
      const rows = Int32Array.from(logitRows);
      const answers = await this.#group.step({ kind: "step", input, spans, logitRows: rows });
      this.#clock.add(begin, answers);
      this.times.steps++;
      this.times.total += answers[0]!.total;
      this.times.waited += answers.reduce((sum, { waited }) => sum + waited, 0) / answers.length;
      if (answers[0]!.cancelled) throw signal?.aborted ? signal.reason : closedError();
      return answers[0]!.h;
    } finally {
      signal?.removeEventListener("abort", cancel);
      requestCancel(collective, false);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    requestCancel(this.#setup.collective, true);
    await this.#turn;
    await this.#group.close();
  }
}

function throwIfChanged({ stamps }: Checkpoint, cause?: unknown): void {
  const changed = changedError(stamps, cause);
  if (changed) throw changed;
}
