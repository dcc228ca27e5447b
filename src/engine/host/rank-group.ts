/** The threads of a group of ranks: started together, answered together, ended together. Knows messages, not what they mean. */
import { env } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { failurePlace } from "../../error.js";
import { breakGroup } from "../shared/collective.js";
import { readPlace } from "../shared/heartbeat.js";
import type { HostMessage, LoadReport, RankMessage, RankSetup, StepTimes } from "../shared/messages.js";
import { describeFailure, rankError, stallError } from "./rank-failure.js";
import { StallWatch } from "./stall-watch.js";

/** What ranks of a failed group are given to leave their work: the longest is a session being made. */
const LEAVE_MS = 10_000;
/** What the others are given when one does not answer at all. */
const STUCK_MS = 1000;

type Stepped = StepTimes & { cancelled: boolean };

/** What every rank shall answer, and what each has so far. */
interface Question {
  answers: unknown[];
  resolve: () => void;
  reject: (error: unknown) => void;
}

export class RankGroup {
  readonly #setups: readonly RankSetup[];
  readonly #workers: Worker[];
  readonly #gone: Promise<unknown>;
  #onProgress: ((bytes: number) => void) | undefined;
  #onConverted: (failure: string | null) => Promise<string | null> = async () => null;
  /** What each rank said of its conversion. */
  #converted: (string | null)[] = [];
  #bytes = 0;
  #question: Question | null = null;
  #failure: Error | null = null;
  #closing = false;
  readonly #watch: StallWatch;
  #ended: Promise<void> | null = null;

  /** A group of which no rank gets on for `timeoutMs` has failed; 0: never. */
  constructor(setups: readonly RankSetup[], timeoutMs: number) {
    // Must stand in the environment of the process before the runtime is loaded.
    env.ORT_DISABLE_TELEMETRY ??= "1";
    this.#setups = setups;
    const { heartbeats } = setups[0]!;
    this.#watch = new StallWatch(heartbeats, timeoutMs, () => {
      const places = setups.map(({ rank }) => readPlace(heartbeats, rank));
      const answered = setups.map(({ rank }) => this.#question?.answers[rank] !== undefined);
      this.#fail(stallError(places, answered, timeoutMs));
    });
    this.#workers = setups.map((setup) => {
      const worker = new Worker(new URL("../rank/worker.js", import.meta.url), {
        workerData: setup,
        // options of the host's own run, such as --input-type of `node -e`, would stop a rank from starting
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
    this.#gone = Promise.all(this.#workers.map((worker) => new Promise((resolve) => worker.once("exit", resolve))));
  }

  /**
   * Resolves when every rank has loaded; on failure or abort all ranks are ended first. When all have converted, with
   * what went wrong in the first that failed, `onConverted` says which folder they shall open (null: none).
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
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Asks every rank for a layer of a sequence; resolves with the answers in rank order. */
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

  /** Lets the ranks end by themselves; resolves when their threads are gone. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#failure) return this.#end();
    this.post({ kind: "close" });
    await this.#gone;
  }

  /**
   * Ranks leave their work at the next place where they look. Never `terminate()`: inside the runtime that aborts the process.
   * One that does not leave is given up after a while: it no longer keeps the process alive, and the failure says so.
   */
  #end(): Promise<void> {
    this.#closing = true;
    breakGroup(this.#setups[0]!.collective);
    this.post({ kind: "close" });
    this.#ended ??= this.#leave();
    return this.#ended;
  }

  async #leave(): Promise<void> {
    const place = failurePlace(this.#failure);
    const isGone = await Promise.race([
      this.#gone.then(() => true),
      sleep(this.#watch.hasStalled ? STUCK_MS : LEAVE_MS, false, { ref: false }),
    ]);
    if (isGone || place === undefined) return void (await this.#gone);
    place.isStuck = true;
    for (const worker of this.#workers) worker.unref();
  }

  /** The answers of all ranks to a message, in rank order; without one, to their setups. One question at a time. */
  async #ask<T>(message?: HostMessage): Promise<T[]> {
    if (this.#failure) throw this.#failure;
    const answers: T[] = [];
    const all = new Promise<void>((resolve, reject) => {
      this.#question = { answers, resolve, reject };
    });
    if (message) this.post(message);
    this.#watch.start();
    try {
      await all;
      return answers;
    } finally {
      this.#watch.stop();
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
          // Bringing it all to the disk takes the host its time.
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

  /** A rank that could not report its failure itself. */
  #failAt(rank: number, error: Error): void {
    const { length } = this.#setups;
    this.#fail(rankError(rank, length, readPlace(this.#setups[rank]!.heartbeats, rank), describeFailure(error)));
  }

  /** The first failure is the group's; the others leave their waits. */
  #fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    breakGroup(this.#setups[0]!.collective);
    this.#question?.reject(error);
  }
}
