/**
 * Notices a stream whose messages the server never delivers, and makes its consumer again. A server that was killed may have
 * kept the consumer's list of what is done, and not the removal of those messages (nats-io/nats-server#7680, #4736).
 */
import type { ConsumerSpec, Streams } from "../nats/net.js";

/** Between two looks that agree: a message may just be on its way. */
const AGAIN_MS = 2000;

export class StuckStream {
  readonly #streams: Streams;
  readonly #stream: string;
  readonly #consumer: ConsumerSpec;
  #since: number | null = null;

  constructor(streams: Streams, stream: string, consumer: ConsumerSpec) {
    this.#streams = streams;
    this.#stream = stream;
    this.#consumer = consumer;
  }

  /** Call again and again: true if the consumer was made again. All messages that are there are then delivered once more. */
  async look(): Promise<boolean> {
    const stream = await this.#streams.streamState(this.#stream);
    const consumer = await this.#streams.consumerState(this.#stream, this.#consumer.name);
    const isStuck = stream && consumer && stream.messages > 0 && consumer.pending + consumer.unacked === 0;
    const now = performance.now();
    if (!isStuck) this.#since = null;
    else if (this.#since === null) this.#since = now;
    else if (now - this.#since >= AGAIN_MS) {
      this.#since = null;
      await this.#streams.deleteConsumer(this.#stream, this.#consumer.name);
      await this.#streams.ensureConsumer(this.#stream, this.#consumer);
      return true;
    }
    return false;
  }
}
