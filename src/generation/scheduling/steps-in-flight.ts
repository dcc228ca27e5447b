/** The steps that the engine works on, and who is in them: nobody leaves the batch while a step needs its KV cache. Does not know logits. */
import type { OpenRequest } from "./open-request.js";

/** One step on its way. */
export interface StepInFlight {
  /** One for each item of the batch; a request with several chunks is there as often. */
  readonly entries: readonly OpenRequest[];
  readonly control: AbortController;
}

export class StepsInFlight {
  readonly #steps = new Set<StepInFlight>();
  readonly #leave: (entry: OpenRequest) => void;

  /** `leave` is called when a request that is over is in no step any more. */
  constructor(leave: (entry: OpenRequest) => void) {
    this.#leave = leave;
  }

  begin(entries: readonly OpenRequest[]): StepInFlight {
    for (const entry of entries) entry.steps++;
    const step = { entries, control: new AbortController() };
    this.#steps.add(step);
    return step;
  }

  /** The engine needs nothing of the step any more. Those who are over leave; the others stay in it until land(). Returns them, null for the former. */
  end(step: StepInFlight): (OpenRequest | null)[] {
    this.#steps.delete(step);
    return step.entries.map((entry) => {
      if (!entry.isOver) return entry;
      this.land(entry);
      return null;
    });
  }

  /** Takes a request out of a step. */
  land(entry: OpenRequest): void {
    entry.steps--;
    if (entry.isOver && entry.steps === 0) this.#leave(entry);
  }

  /** Stops the steps in which everybody is over. */
  abandon(): void {
    for (const { entries, control } of this.#steps) if (entries.every(({ isOver }) => isOver)) control.abort();
  }
}
