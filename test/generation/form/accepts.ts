/** Whether a whole text is of a form, byte by byte; for tests. */
import type { State, States } from "../../../src/generation/form/states.js";

export function accepts(states: States, text: string | Uint8Array): boolean {
  states.renew();
  let state: State | null = states.start;
  for (const byte of Buffer.from(text as string)) {
    state = states.step(state, states.machine.classes[byte]!);
    if (state === null) return false;
  }
  return state.isComplete;
}
