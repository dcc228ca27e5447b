/** How each rank spent its time, added up over all steps. Knows times; not what was done in them. */
import type { StepTimes } from "../shared/messages.js";

/** Milliseconds from the first step to the end of the last, and how a rank spent them. */
export interface RankTimes {
  steps: number;
  total: number;
  computing: number;
  /** In sums over ranks: waiting for the others, and adding. */
  summing: number;
  /** Between steps: the host samples, or nobody asks. */
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

  /** A step that the host has begun at `begin` and just seen the end of. */
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
