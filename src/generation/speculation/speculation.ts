/**
 * Speculative decoding without a second model: decides how many draft tokens of prompt-lookup.ts a step verifies, by their
 * expected gain and cost. Does not verify them: the decoding loop keeps a draft token only if sampling picks the same token.
 */
import { PromptLookup, type Proposal } from "./prompt-lookup.js";
import type { StepCost } from "./step-cost.js";

/** Maximum number of draft tokens per sequence and step in "auto" mode. */
const MAX_DRAFT = 15;
/** A draft must promise this speed-up over a step without one. */
const MARGIN = 1.1;
/** Initial acceptance rate for matches of 2, 3, 4, 5 to 7, 8 to 15 and more tokens, and the number of trials it counts as. */
const PRIOR = [0.35, 0.45, 0.5, 0.55, 0.7, 0.9];
const PRIOR_TRIALS = 3;
/** Each trial multiplies the weight of all earlier trials by this. */
const MEMORY = 0.97;

/** The drafts of one sequence: its tokens so far, the current proposal, and the acceptance rates. */
export class RowDrafts {
  readonly #lookup: PromptLookup;
  #proposal: Proposal | null = null;
  /** Tokens pushed since the proposal, all as proposed. */
  #followed = 0;
  readonly #hits = PRIOR.map((rate) => rate * PRIOR_TRIALS);
  readonly #trials = PRIOR.map(() => PRIOR_TRIALS);

  constructor(promptIds: readonly number[], capacity: number) {
    this.#lookup = new PromptLookup(capacity);
    for (const id of promptIds) this.#lookup.push(id);
  }

  /** Adds a decided token. It is compared with the proposal even if the proposal was not verified. */
  push(id: number): void {
    this.#lookup.push(id);
    const expected = this.#proposal?.ids[this.#followed];
    if (!this.#proposal || expected === undefined) return;
    const length = lengthClass(this.#proposal.matched + this.#followed++);
    this.#trials[length] = this.#trials[length]! * MEMORY + 1;
    this.#hits[length] = this.#hits[length]! * MEMORY + (id === expected ? 1 : 0);
    if (id !== expected) this.#proposal = null;
  }

  /** Makes a new proposal of at most `count` tokens. */
  propose(count: number): readonly number[] {
    this.#followed = 0;
    this.#proposal = this.#lookup.propose(count);
    return this.#proposal?.ids ?? [];
  }

  /** The probability of each proposed token that it and all before it are accepted. */
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
   * `count`: draft this many tokens per step whenever possible, or "auto": as many as save time. `timed`: whether measured
   * times may affect that. One row and several rows are computed by different kernels, whose last bits differ, so output
   * that must be repeatable to the bit must not depend on the clock.
   */
  constructor(count: number | "auto", cost: StepCost, timed: boolean) {
    this.#count = count;
    this.#cost = cost;
    this.#timed = timed;
  }

  /** The draft tokens to verify in the next step, for each row at most `room`. */
  plan(rows: readonly { drafts: RowDrafts; room: number }[]): (readonly number[])[] {
    const most = this.#count === "auto" ? MAX_DRAFT : this.#count;
    const proposals = rows.map(({ drafts, room }) => drafts.propose(Math.min(most, room)));
    if (this.#count !== "auto" || proposals.every((ids) => ids.length === 0)) return proposals;
    const counts = this.#worthwhile(rows.map(({ drafts }) => drafts.chances()));
    return proposals.map((ids, i) => ids.slice(0, counts[i]!));
  }

  /** Records how long a decode step took. */
  observe(tokens: number, milliseconds: number): void {
    if (this.#timed) this.#cost.observe(tokens, milliseconds);
  }

  /** How many draft tokens of each row maximise the expected tokens per time, if all rows run in one step. */
  #worthwhile(chances: readonly number[][]): number[] {
    const counts = chances.map(() => 0);
    // A row's chances decrease, so the most likely drafts overall are always the first ones of each row.
    const drafts = chances.flatMap((list, row) => list.map((chance) => ({ row, chance })));
    drafts.sort((a, b) => b.chance - a.chance);
    let tokens = chances.length;
    let best = (tokens / this.#cost.of(tokens)) * MARGIN;
    let count = 0;
    for (const [i, { chance }] of drafts.entries()) {
      tokens += chance;
      const speed = tokens / this.#cost.of(chances.length + i + 1);
      if (speed <= best) continue;
      best = speed;
      count = i + 1;
    }
    for (const { row } of drafts.slice(0, count)) counts[row]!++;
    return counts;
  }
}

/** Index into PRIOR. */
function lengthClass(matched: number): number {
  if (matched <= 4) return matched - 2;
  return matched < 8 ? 3 : matched < 16 ? 4 : 5;
}
