/** Undo and redo of the text of Complete: a run of the model is one step, and so is what is typed in one go. */
import type { TextState } from "./types.js";

/** Typing after a longer pause is a step of its own. */
const PAUSE_MS = 1000;
const MOST = 200;

interface Step {
  state: TextState;
  cursor: number;
}

export class UndoStack {
  #past: Step[] = [];
  #future: Step[] = [];
  #typedAt = 0;

  /** Keeps a state before the model or a command changes it. */
  keep(step: Step): void {
    this.#past.push(step);
    if (this.#past.length > MOST) this.#past.shift();
    this.#future = [];
    this.#typedAt = 0;
  }

  /** Keeps a state before a key changes it, unless the key belongs to what was typed just before. */
  keepTyping(step: Step, now: number): void {
    if (now - this.#typedAt > PAUSE_MS) this.keep(step);
    this.#typedAt = now;
  }

  get canUndo(): boolean {
    return this.#past.length > 0;
  }

  get canRedo(): boolean {
    return this.#future.length > 0;
  }

  undo(now: Step): Step | null {
    return this.#move(this.#past, this.#future, now);
  }

  redo(now: Step): Step | null {
    return this.#move(this.#future, this.#past, now);
  }

  clear(): void {
    this.#past = [];
    this.#future = [];
    this.#typedAt = 0;
  }

  #move(from: Step[], to: Step[], now: Step): Step | null {
    const found = from.pop();
    this.#typedAt = 0;
    if (!found) return null;
    to.push(now);
    return found;
  }
}
