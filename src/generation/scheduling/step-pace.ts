/** How many prompt tokens a step may take so that those who watch tokens come do not wait long. Knows times; not what runs. */
import type { ComputeType } from "../../model/architecture/compute-type.js";
import { StepCost } from "../speculation/step-cost.js";

/** Prompt tokens that run in a step however long it takes: a prompt must come to its end. */
const MIN_PACED = 8;
/** Prompt tokens of the first step whose time nobody knows. */
const UNKNOWN = 32;

export class StepPace {
  readonly #cost: StepCost;
  readonly #stepMs: number;
  #isMeasured = false;

  /** Steps with prompt tokens take about `stepMs` milliseconds at most. */
  constructor(dtype: ComputeType, stepMs: number) {
    this.#cost = new StepCost(dtype);
    this.#stepMs = stepMs;
  }

  observe(tokens: number, milliseconds: number): void {
    this.#isMeasured = true;
    this.#cost.observe(tokens, milliseconds);
  }

  /** Prompt tokens for a step beside `texts` decoding requests, `most` at most. */
  chunk(texts: number, most: number): number {
    if (!this.#isMeasured) return Math.min(most, UNKNOWN);
    let tokens = most;
    while (tokens > MIN_PACED && this.#cost.of(texts + tokens) > this.#stepMs) tokens = Math.floor(tokens * 0.8);
    return Math.max(tokens, Math.min(most, MIN_PACED));
  }
}
