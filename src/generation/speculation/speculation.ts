/**
 * Speculative decoding without a second model: decides how many draft tokens of prompt-lookup.ts a step verifies, by their
 * expected gain and cost. Does not verify them: the decoding loop keeps a draft token only if sampling picks the same token.
 */
import type { ComputeType } from "../../model/architecture/compute-type.js";
import { PromptLookup, type Proposal } from "./prompt-lookup.js";
import { StepCost } from "./step-cost.js";

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

/** What may be drafted for one request in a step. */
export interface Draftable {
  /** null where nothing is drafted. */
  drafts: RowDrafts | null;
  /** This many tokens a step whenever there are any, or "auto": as many as pay. */
  count: number | "auto";
  /**
   * Whether measured times may decide. One row and several are computed by different kernels, whose last bits differ: what must
   * be repeatable to the bit must not depend on the clock.
   */
  isTimed: boolean;
  /** Tokens that fit. */
  room: number;
}

export class Speculation {
  readonly #measured: StepCost;
  readonly #curve: StepCost;

  constructor(dtype: ComputeType) {
    this.#measured = new StepCost(dtype);
    this.#curve = new StepCost(dtype);
  }

  /** The drafts to compute in the next step, for each request. */
  plan(requests: readonly Draftable[]): (readonly number[])[] {
    const proposals = requests.map(({ drafts, count, room }) => {
      return drafts?.propose(Math.min(count === "auto" ? MAX_DRAFT : count, room)) ?? [];
    });
    const chances = requests.map(({ drafts, count }) => (drafts && count === "auto" ? drafts.chances() : []));
    if (chances.every((list) => list.length === 0)) return proposals;
    const fixed = requests.reduce((sum, { count }, i) => sum + (count === "auto" ? 0 : proposals[i]!.length), 0);
    const isTimed = requests.every(({ isTimed, count }) => isTimed || count !== "auto");
    const counts = this.#worthwhile(chances, fixed, isTimed ? this.#measured : this.#curve);
    return proposals.map((ids, i) => (requests[i]!.count === "auto" ? ids.slice(0, counts[i]!) : ids));
  }

  /** Records how long a decode step took. */
  observe(tokens: number, milliseconds: number): void {
    this.#measured.observe(tokens, milliseconds);
  }

  /** How many drafts of each request give the most tokens for the time, all being one step with `fixed` other drafts. */
  #worthwhile(chances: readonly number[][], fixed: number, cost: StepCost): number[] {
    const counts = chances.map(() => 0);
    // The chances of a request fall, so the likeliest drafts of all are always the first ones of each.
    const drafts = chances.flatMap((list, request) => list.map((chance) => ({ request, chance })));
    drafts.sort((a, b) => b.chance - a.chance);
    let tokens = chances.length;
    const base = tokens + fixed;
    let best = (tokens / cost.of(base)) * MARGIN;
    let count = 0;
    for (const [i, { chance }] of drafts.entries()) {
      tokens += chance;
      const speed = tokens / cost.of(base + i + 1);
      if (speed <= best) continue;
      best = speed;
      count = i + 1;
    }
    for (const { request } of drafts.slice(0, count)) counts[request]!++;
    return counts;
  }
}

/** Index into PRIOR. */
function lengthClass(matched: number): number {
  if (matched <= 4) return matched - 2;
  return matched < 8 ? 3 : matched < 16 ? 4 : 5;
}
