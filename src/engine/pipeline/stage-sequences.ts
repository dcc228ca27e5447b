/** The sequences of an epoch and their lengths, as the messages say: what does not fit them is refused. Does not hold keys and values. */
import { BadMessage, type StageHeader } from "./stage-message.js";
import type { StagePlan } from "./stage-plan.js";

/** Positions may exceed the plan by this factor: pages that are not full, failed drafts. */
const SLACK = 2;

export class StageSequences {
  readonly #plan: StagePlan;
  readonly #lengths = new Map<number, number>();
  #positions = 0;

  constructor(plan: StagePlan) {
    this.#plan = plan;
  }

  /** Follows a message, or throws BadMessage and follows none of it. */
  follow({ actions, body }: Pick<StageHeader, "actions" | "body">): void {
    // What the message changes; null: released.
    const changes = new Map<number, number | null>();
    const lengthOf = (sequence: number) => {
      const changed = changes.get(sequence);
      return changed === undefined ? this.#lengths.get(sequence) : (changed ?? undefined);
    };
    const known = (sequence: number, length: number) => {
      const have = lengthOf(sequence);
      if (have === undefined || have < length) {
        throw new BadMessage(`sequence ${sequence} has ${have ?? "no"} tokens, the message counts on ${length}`);
      }
      return have;
    };
    for (const action of actions) {
      if (action.kind === "fork") {
        known(action.source, action.length);
        if (lengthOf(action.sequence) !== undefined) throw new BadMessage(`sequence ${action.sequence} exists`);
        changes.set(action.sequence, action.length);
      } else if (action.kind === "trim") {
        changes.set(action.sequence, Math.min(known(action.sequence, 0), action.positions));
      } else {
        known(action.sequence, 0);
        changes.set(action.sequence, null);
      }
    }
    if (body.kind === "step") {
      for (const { sequence, position, count } of body.spans) {
        if (position > 0) known(sequence, position);
        // Keys and values after the last token may be failed drafts, so the length may become smaller.
        changes.set(sequence, position + count);
      }
    } else if (body.kind === "save") known(body.sequence, body.length);
    else if (body.kind === "restore") changes.set(body.sequence, body.length);
    this.#apply(changes);
  }

  #apply(changes: ReadonlyMap<number, number | null>): void {
    let positions = this.#positions;
    for (const [sequence, length] of changes) positions += (length ?? 0) - (this.#lengths.get(sequence) ?? 0);
    const { maxPositions } = this.#plan;
    if (maxPositions !== null && positions > SLACK * maxPositions && positions > this.#positions) {
      throw new BadMessage(`${positions} positions; expected at most ${maxPositions}`);
    }
    for (const [sequence, length] of changes) {
      if (length === null) this.#lengths.delete(sequence);
      else this.#lengths.set(sequence, length);
    }
    this.#positions = positions;
  }
}
