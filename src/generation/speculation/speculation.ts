/**
 * Speculation without a second model: decides which guesses of prompt-lookup.ts a step computes along with the pending
 * tokens, by what they are expected to gain and to cost. The loop keeps a guess only if it is what would have been sampled anyway.
 */
import { PromptLookup, type Proposal } from "./prompt-lookup.js";
import type { StepCost } from "./step-cost.js";

/** Guesses for one sequence and step at most, where they are chosen by their gain. */
const MAX_DRAFT = 15;
/** Guesses must promise this much more speed than none. */
const MARGIN = 1.1;
/** Share of right guesses to begin with, for matches of 2, 3, 4, 5 to 7, 8 to 15 and more tokens, and the trials it counts as. */
const PRIOR = [0.35, 0.45, 0.5, 0.55, 0.7, 0.9];
const PRIOR_TRIALS = 3;
/** What one trial leaves of the weight of those before it. */
const MEMORY = 0.97;

/** One sequence: its text so far, the guess at hand, and how good guesses were. */
export class RowDrafts {
  readonly #lookup: PromptLookup;
  #proposal: Proposal | null = null;
  /** Tokens that have come since the proposal, all as proposed. */
  #followed = 0;
  readonly #hits = PRIOR.map((rate) => rate * PRIOR_TRIALS);
  readonly #trials = PRIOR.map(() => PRIOR_TRIALS);

  constructor(promptIds: readonly number[], capacity: number) {
    this.#lookup = new PromptLookup(capacity);
    for (const id of promptIds) this.#lookup.push(id);
  }

  /** Adds a token that was decided. It is compared with the proposal even if that was not computed. */
  push(id: number): void {
    this.#lookup.push(id);
    const expected = this.#proposal?.ids[this.#followed];
    if (!this.#proposal || expected === undefined) return;
    const length = lengthClass(this.#proposal.matched + this.#followed++);
    this.#trials[length] = this.#trials[length]! * MEMORY + 1;
    this.#hits[length] = this.#hits[length]! * MEMORY + (id === expected ? 1 : 0);
    if (id !== expected) this.#proposal = null;
  }

  /** Guesses anew, at most `count` tokens. */
  propose(count: number): readonly number[] {
    this.#followed = 0;
    this.#proposal = this.#lookup.propose(count);
    return this.#proposal?.ids ?? [];
  }

  /** The chance of each proposed token to be reached and right. */
  chances(): number[] {
    let chance = 1;
    return (this.#proposal?.ids ?? []).map((_, i) => {
      const length = lengthClass(this.#proposal!.matched + i);
      chance *= this.#hits[length]! / this.#trials[length]!;
      return chance;
    });
  }
}

export class Speculation {
  readonly #count: number | "auto";
  readonly #cost: StepCost;
  readonly #timed: boolean;

  /**
   * `count`: this many guesses a step whenever there are any, or "auto": as many as pay. `timed` says whether measured
   * times may have a say. One row and several are computed by different kernels, whose last bits differ: what must be
   * repeatable to the bit must not go by the clock.
   */
  constructor(count: number | "auto", cost: StepCost, timed: boolean) {
    this.#count = count;
    this.#cost = cost;
    this.#timed = timed;
  }

  /** The guesses to compute in the next step, for each row at most as many as it has room for. */
  plan(rows: readonly { drafts: RowDrafts; room: number }[]): (readonly number[])[] {
    const most = this.#count === "auto" ? MAX_DRAFT : this.#count;
    const proposals = rows.map(({ drafts, room }) => drafts.propose(Math.min(most, room)));
    if (this.#count !== "auto" || proposals.every((ids) => ids.length === 0)) return proposals;
    const counts = this.#worthwhile(rows.map(({ drafts }) => drafts.chances()));
    return proposals.map((ids, i) => ids.slice(0, counts[i]!));
  }

  /** Takes note of how long a decode step took. */
  observe(tokens: number, milliseconds: number): void {
    if (this.#timed) this.#cost.observe(tokens, milliseconds);
  }

  /** How many guesses of each row give the most tokens for the time, all rows being one step. */
  #worthwhile(chances: readonly number[][]): number[] {
    const counts = chances.map(() => 0);
    // The chances of a row fall, so the likeliest guesses of all are always the first ones of each row.
    const guesses = chances.flatMap((list, row) => list.map((chance) => ({ row, chance })));
    guesses.sort((a, b) => b.chance - a.chance);
    let tokens = chances.length;
    let best = (tokens / this.#cost.of(tokens)) * MARGIN;
    let count = 0;
    for (const [i, { chance }] of guesses.entries()) {
      tokens += chance;
      const speed = tokens / this.#cost.of(chances.length + i + 1);
      if (speed <= best) continue;
      best = speed;
      count = i + 1;
    }
    for (const { row } of guesses.slice(0, count)) counts[row]!++;
    return counts;
  }
}

/** Index into PRIOR. */
function lengthClass(matched: number): number {
  if (matched <= 4) return matched - 2;
  return matched < 8 ? 3 : matched < 16 ? 4 : 5;
}
