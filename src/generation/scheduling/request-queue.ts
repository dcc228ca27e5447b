/** Rows that wait for their turn: pushed at one end as they come, taken at the other as there is room. Knows order, not tokens. */
import type { GenerationRequest, QueuedRequest } from "./request.js";

export class RequestQueue {
  readonly #rows: QueuedRequest[] = [];
  #count = 0;
  #isEnded = false;
  /** Wakes those who wait for a change. */
  #wake: (() => void)[] = [];

  /** Puts a row at the end and returns its number. */
  push(spec: GenerationRequest): number {
    this.#rows.push({ row: this.#count, spec });
    this.#changed();
    return this.#count++;
  }

  /** No row will come after those that wait. */
  end(): void {
    this.#isEnded = true;
    this.#changed();
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The row whose turn is next. */
  get first(): QueuedRequest | undefined {
    return this.#rows[0];
  }

  take(): QueuedRequest | undefined {
    const first = this.#rows.shift();
    this.#changed();
    return first;
  }

  /** Waits until a row is there; false when none will come any more. */
  async arrival(): Promise<boolean> {
    while (this.#rows.length === 0 && !this.#isEnded) await this.#change();
    return this.#rows.length > 0;
  }

  /** Waits until fewer than `count` rows wait, or the queue has ended. */
  async room(count: number): Promise<void> {
    while (this.#rows.length >= count && !this.#isEnded) await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake.push(resolve);
    });
  }

  #changed(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const one of wake) one();
  }
}
