/** Collects the answers of a job in groups: each is removed from the server after its taker has kept it for good. */
import type { PulledMessage, Puller } from "../nats/net.js";
import { placeOf } from "./layout.js";

export interface JobAnswer {
  line: number;
  data: Uint8Array;
}

/** Answers that are on their way at once. */
const LANES = 64;
const PULL_MS = 20_000;
const ACK_TRIES = 3;

export class AnswerReader {
  readonly #puller: Puller;
  readonly #take: (answers: JobAnswer[]) => Promise<void>;
  readonly #waiting: { message: PulledMessage; done: () => void }[] = [];
  readonly #failed: (error: unknown) => void;
  readonly #lanes: Promise<void>[];
  #isEnding = false;
  #writing: Promise<void> | null = null;

  /** `take` is called with one group at a time; what it throws ends the reader and goes to `failed`. */
  constructor(puller: Puller, take: (answers: JobAnswer[]) => Promise<void>, failed: (error: unknown) => void) {
    this.#puller = puller;
    this.#take = take;
    this.#failed = failed;
    this.#lanes = Array.from({ length: LANES }, () => this.#lane());
  }

  /** Takes no more from the server; what was taken is still handed on. */
  async close(): Promise<void> {
    this.#isEnding = true;
    await this.#puller.close();
    await Promise.all(this.#lanes);
    await this.#writing;
  }

  async #lane(): Promise<void> {
    while (!this.#isEnding) {
      const message = await this.#puller.next(PULL_MS);
      if (message === null) continue;
      await new Promise<void>((done) => {
        this.#waiting.push({ message, done });
        this.#writing ??= this.#write();
      });
    }
  }

  async #write(): Promise<void> {
    // What comes in the same moment goes together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0);
      const places = group.map(({ message }) => placeOf(message.subject));
      const answers = group.flatMap(({ message: { data } }, index) => {
        const place = places[index];
        return place ? [{ line: place.line, data }] : [];
      });
      try {
        await this.#take(answers);
        await Promise.all(group.map(({ message }) => remove(message)));
      } catch (error) {
        this.#isEnding = true;
        this.#failed(error);
      }
      for (const { done } of group) done();
    }
    this.#writing = null;
  }
}

async function remove(message: PulledMessage): Promise<void> {
  for (let i = 0; i < ACK_TRIES; i++) {
    try {
      return await message.ack();
    } catch {
      // It comes again, and is known then.
    }
  }
}
