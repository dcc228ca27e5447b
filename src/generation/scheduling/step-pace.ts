/** How many prompt tokens a step may take so that those who watch tokens come do not wait long. Knows times; not what runs. */
import type { ComputeType } from "../../model/architecture/compute-type.js";
import { StepCost } from "../speculation/step-cost.js";

/** Prompt tokens that run in a step however long it takes: a prompt must come to its end. */
const MIN_PACED = 8;
/** The same where steps follow each other through stages, so that one takes longer to come back. */
const MIN_STAGED = 16;
/** Prompt tokens of the first step whose time nobody knows. */
const UNKNOWN = 32;

export class StepPace {
  readonly #cost: StepCost;
  readonly #stepMs: number;
  #isMeasured = false;

  readonly #depth: number;

  /** Steps with prompt tokens take about `stepMs` milliseconds at most; of `depth` that run at once, all together. */
  constructor(dtype: ComputeType, stepMs: number, depth = 1) {
    this.#cost = new StepCost(dtype);
    this.#stepMs = stepMs;
    this.#depth = depth;
  }

  observe(tokens: number, milliseconds: number): void {
    this.#isMeasured = true;
    this.#cost.observe(tokens, milliseconds);
  }

  /** Prompt tokens for a step beside `texts` decoding requests, `most` at most. */
  chunk(texts: number, most: number): number {
    if (!this.#isMeasured) return Math.min(most, UNKNOWN);
    const limit = this.#limit(texts);
    const least = this.#depth > 1 ? MIN_STAGED : MIN_PACED;
    let tokens = most;
    while (tokens > least && this.#cost.of(texts + tokens) > limit) tokens = Math.floor(tokens * 0.8);
    return Math.max(tokens, Math.min(most, least));
  }

  /** Milliseconds. A stage of a large model takes longer for a token than anybody wants to wait: prompts then double that. */
  #limit(texts: number): number {
    if (this.#depth === 1) return this.#stepMs;
    return Math.max(this.#stepMs / this.#depth, 2 * this.#cost.of(Math.max(1, texts)));
  }
}
