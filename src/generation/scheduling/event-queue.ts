/** Events on their way from the loop to one consumer, in a bounded buffer. Does not know what they mean. */

/** Events that may wait before the request pauses. */
const HIGH = 64;
/** Events that may still wait when it resumes. */
const LOW = 16;

export class EventQueue<T extends { kind: string }> {
  readonly #events: T[] = [];
  #end: { error: unknown } | "done" | null = null;
  #wake: (() => void) | null = null;
  #isFull = false;
  readonly #onRoom: () => void;

  /** `onRoom` is called when a full buffer has room again. */
  constructor(onRoom: () => void) {
    this.#onRoom = onRoom;
  }

  /** Whether the consumer is too slow for more. */
  get isFull(): boolean {
    return this.#isFull;
  }

  push(event: T): void {
    this.#events.push(event);
    if (this.#events.length >= HIGH) this.#isFull = true;
    this.#notify();
  }

  /** Puts an event in the place of the last one, if that waits and is of the same kind. */
  replace(event: T): void {
    const last = this.#events.at(-1);
    if (last?.kind === event.kind) this.#events[this.#events.length - 1] = event;
    else this.push(event);
  }

  /** Drops the events of a kind that nobody has asked for yet; returns whether there were any. */
  drop(kind: T["kind"]): boolean {
    const rest = this.#events.filter((event) => event.kind !== kind);
    return this.#events.splice(0, this.#events.length, ...rest).length > rest.length;
  }

  /** No event comes after those that wait; an error is thrown after them. */
  end(failure?: { error: unknown }): void {
    this.#end ??= failure ?? "done";
    this.#notify();
  }

  /** The next event; undefined at the end. Throws what end() was given. */
  async next(): Promise<T | undefined> {
    while (this.#events.length === 0 && this.#end === null) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const event = this.#events.shift();
    if (this.#isFull && this.#events.length <= LOW) {
      this.#isFull = false;
      this.#onRoom();
    }
    if (event === undefined && this.#end !== null && this.#end !== "done") throw this.#end.error;
    return event;
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}

/** Events as an iterator; `close` is called when the consumer leaves, or has them all. */
export function iterate<T extends { kind: string }>(queue: EventQueue<T>, close: () => void): AsyncIterableIterator<T> {
  return {
    async next() {
      try {
        const value = await queue.next();
        if (value !== undefined) return { value, done: false };
      } catch (error) {
        close();
        throw error;
      }
      close();
      return { value: undefined, done: true };
    },
    async return() {
      close();
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
