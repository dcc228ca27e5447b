/** The threads of a group of ranks: starts them, collects their answers, and stops all when one fails. Does not know what the messages mean. */
import { env, resourceUsage } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { failurePlace } from "../../error.js";
import { breakGroup } from "../shared/collective.js";
import { countBeats, readPlace } from "../shared/heartbeat.js";
import type { HostMessage, LoadReport, RankMessage, RankSetup, StepTimes } from "../shared/messages.js";
import { abandon } from "./abandoned-ranks.js";
import { describeFailure, rankError, stallError } from "./rank-failure.js";
import { StallWatch } from "./stall-watch.js";

/** Time for the ranks of a failed group to leave their work; creating a session takes longest. */
const LEAVE_MS = 10_000;
/** The same after an abort: the user waits, and nothing of the work is kept. */
const ABORT_MS = 3000;
/** The same, if one rank does not respond at all. */
const STUCK_MS = 1000;

type Stepped = StepTimes & { cancelled: boolean; h: Float32Array | null };

/** A question that every rank must answer, and the answers so far, by rank. The threads keep the process alive only meanwhile. */
interface Question {
  answers: unknown[];
  resolve: () => void;
  reject: (error: unknown) => void;
}

export class RankGroup {
  readonly #setups: readonly RankSetup[];
  readonly #workers: Worker[];
  /** Resolves when all threads have ended. */
  readonly #exited: Promise<unknown>;
  #onProgress: ((bytes: number) => void) | undefined;
  #onConverted: (failure: string | null) => Promise<string | null> = async () => null;
  /** Each rank's report of its conversion: null, or why it failed. */
  #converted: (string | null)[] = [];
  #bytes = 0;
  #question: Question | null = null;
  #failure: Error | null = null;
  #closing = false;
  #isLoading = true;
  readonly #watch: StallWatch;
  #ended: Promise<void> | null = null;

  /** The group fails if no rank makes progress for `timeoutMs`; 0: never. */
  constructor(setups: readonly RankSetup[], timeoutMs: number) {
    // Must be set before the runtime is loaded.
    env.ORT_DISABLE_TELEMETRY ??= "1";
    this.#setups = setups;
    const { heartbeats } = setups[0]!;
    // While a rank opens cached weights, its thread is inside the runtime for a whole stage; the disk shows its progress.
    const progress = () => countBeats(heartbeats) + (this.#isLoading ? resourceUsage().fsRead : 0);
    this.#watch = new StallWatch(progress, timeoutMs, () => {
      const places = setups.map(({ rank }) => readPlace(heartbeats, rank));
      const answered = setups.map(({ rank }) => this.#question?.answers[rank] !== undefined);
      this.#fail(stallError(places, answered, timeoutMs));
    });
    this.#workers = setups.map((setup) => {
      const worker = new Worker(new URL("../rank/worker.js", import.meta.url), {
        workerData: setup,
        // Options of the host process, such as --input-type of `node -e`, would stop a rank from starting.
        execArgv: [],
        name: `rank ${setup.rank}`,
      });
      worker.on("message", (message: RankMessage) => this.#receive(setup.rank, message));
      worker.on("error", (error) => this.#failAt(setup.rank, error));
      worker.on("exit", (code) => {
        if (!this.#closing) this.#failAt(setup.rank, new Error(`its thread ended unexpectedly with code ${code}`));
      });
      return worker;
    });
    this.#exited = Promise.all(this.#workers.map((worker) => new Promise((resolve) => worker.once("exit", resolve))));
  }

  /**
   * Resolves when every rank has loaded; on failure or abort, stops all ranks before it throws. `onConverted` is called
   * once all ranks have converted, with the first failure or null; it returns the folder they must open (null: none).
   */
  async ready(
    onConverted: (failure: string | null) => Promise<string | null>,
    onProgress?: (bytes: number) => void,
    signal?: AbortSignal,
  ): Promise<LoadReport[]> {
    this.#onConverted = onConverted;
    this.#onProgress = onProgress;
    const abort = () => this.#fail(signal?.reason);
    try {
      signal?.throwIfAborted();
      signal?.addEventListener("abort", abort, { once: true });
      return await this.#ask<LoadReport>();
    } catch (error) {
      await this.#end();
      throw error;
    } finally {
      this.#isLoading = false;
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Asks every rank for the keys and values of one layer of a sequence; resolves with the answers in rank order. */
  save(message: HostMessage & { kind: "save" }): Promise<Uint8Array[]> {
    return this.#ask(message);
  }

  /** Sends a step to every rank; resolves with the answers in rank order. */
  step(message: HostMessage & { kind: "step" }): Promise<Stepped[]> {
    return this.#ask(message);
  }

  /** Sends a message to every rank. */
  post(message: HostMessage): void {
    for (const worker of this.#workers) worker.postMessage(message);
  }

  /** Sends a message to one rank. */
  postTo(rank: number, message: HostMessage): void {
    this.#workers[rank]!.postMessage(message);
  }

  /** Lets the ranks finish by themselves; resolves when their threads have ended. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#failure) return this.#end();
    this.#keepAlive(true);
    this.post({ kind: "close" });
    await this.#exited;
  }

  /**
   * Stops the ranks: each leaves its work at the next check. Never `terminate()`: inside the runtime that aborts the process.
   * Ranks that do not leave in time are abandoned, and a failure reports it.
   */
  #end(): Promise<void> {
    this.#closing = true;
    breakGroup(this.#setups[0]!.collective);
    this.post({ kind: "close" });
    this.#ended ??= this.#leave();
    return this.#ended;
  }

  async #leave(): Promise<void> {
    this.#keepAlive(true);
    const place = failurePlace(this.#failure);
    const limit = this.#watch.hasStalled ? STUCK_MS : place === undefined ? ABORT_MS : LEAVE_MS;
    const hasExited = await Promise.race([this.#exited.then(() => true), sleep(limit, false, { ref: false })]);
    if (hasExited) return;
    if (place) place.isStuck = true;
    abandon(this.#workers);
  }

  /** Whether the threads keep the process alive. A caller that never closes an idle group can still end. */
  #keepAlive(isWorking: boolean): void {
    for (const worker of this.#workers) {
      if (isWorking) worker.ref();
      else worker.unref();
    }
  }

  /** Sends a message and collects the answers of all ranks, in rank order; without a message, their answers to the setup. One question at a time. */
  async #ask<T>(message?: HostMessage): Promise<T[]> {
    if (this.#failure) throw this.#failure;
    const answers: T[] = [];
    const all = new Promise<void>((resolve, reject) => {
      this.#question = { answers, resolve, reject };
    });
    this.#keepAlive(true);
    if (message) this.post(message);
    this.#watch.start();
    try {
      await all;
      return answers;
    } finally {
      this.#watch.stop();
      this.#keepAlive(false);
    }
  }

  #answer(rank: number, answer: unknown): void {
    const { answers, resolve } = this.#question!;
    answers[rank] = answer;
    if (answers.filter(Boolean).length === this.#workers.length) resolve();
  }

  #receive(rank: number, message: RankMessage): void {
    const size = this.#workers.length;
    switch (message.kind) {
      case "progress":
        this.#bytes += message.bytes;
        this.#onProgress?.(this.#bytes);
        return;
      case "converted":
        this.#converted.push(message.failure);
        if (this.#converted.length === size) {
          const failure = this.#converted.find((one) => one !== null) ?? null;
          // The ranks wait while the host flushes the files to disk, so the watch pauses.
          this.#watch.stop();
          this.#onConverted(failure).then(
            (folder) => {
              if (this.#failure) return;
              this.#watch.start();
              this.post({ kind: "open", folder });
            },
            (error) => this.#fail(error),
          );
        }
        return;
      case "ready":
      case "stepped":
        this.#answer(rank, message);
        return;
      case "saved":
        this.#answer(rank, message.bytes);
        return;
      case "failed":
        this.#fail(rankError(rank, size, message.place, message.failure));
    }
  }

  /** Reports the failure of a rank that could not report it itself. */
  #failAt(rank: number, error: Error): void {
    const { length } = this.#setups;
    this.#fail(rankError(rank, length, readPlace(this.#setups[rank]!.heartbeats, rank), describeFailure(error)));
  }

  /** The first failure becomes the group's; the other ranks stop waiting. */
  #fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    breakGroup(this.#setups[0]!.collective);
    this.#question?.reject(error);
  }
}
