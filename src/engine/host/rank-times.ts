/** Adds up how each rank spent its time over all steps: computing, summing and idle. Does not know what was computed. */
import type { StepTimes } from "../shared/messages.js";

/** How a rank spent the time from the start of the first step to the end of the last, in milliseconds. */
export interface RankTimes {
  steps: number;
  total: number;
  computing: number;
  /** In sums over ranks: waiting for other ranks, and adding. */
  summing: number;
  /** Between steps: the host is sampling, or there are no requests. */
  idle: number;
}

export class RankClock {
  readonly #busy: number[];
  readonly #summing: number[];
  #steps = 0;
  #begin: number | null = null;
  #end = 0;

  constructor(worldSize: number) {
    this.#busy = Array<number>(worldSize).fill(0);
    this.#summing = Array<number>(worldSize).fill(0);
  }

  /** Adds a step that the host started at `begin` and that has just ended. */
  add(begin: number, answers: readonly StepTimes[]): void {
    this.#begin ??= begin;
    this.#end = performance.now();
    this.#steps++;
    for (const [rank, { total, summing }] of answers.entries()) {
      this.#busy[rank]! += total;
      this.#summing[rank]! += summing;
    }
  }

  times(): RankTimes[] {
    const total = this.#begin === null ? 0 : this.#end - this.#begin;
    return this.#busy.map((busy, rank) => {
      const summing = this.#summing[rank]!;
      return { steps: this.#steps, total, computing: busy - summing, summing, idle: Math.max(0, total - busy) };
    });
  }
}
