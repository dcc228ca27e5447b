/** Pulls messages of a consumer one by one, in JetStream's protocol (ADR-15): a pull is a request to which the message is the answer. */
import { createInbox, type Msg, type NatsConnection, nanos, type Subscription } from "@nats-io/transport-node";
import type { LostConnection } from "./lost-connection.js";
import { fromHeaders } from "./nats-message.js";
import { netError } from "./net-error.js";
import type { PulledMessage, Puller } from "./streams.js";

const ENCODER = new TextEncoder();
const ACK = ENCODER.encode("+ACK");
const WORKING = ENCODER.encode("+WPI");
const ACK_TIMEOUT_MS = 5000;
/** After the server's own time is over, its answer must have come. */
const LATE_MS = 2000;
/** After an answer that is neither a message nor "none", so that a caller's loop does not spin. */
const PAUSE_MS = 250;
/** No messages; the time is over. */
const NONE = ["404", "408"];

interface Waiter {
  resolve: (message: PulledMessage | null) => void;
  timer: NodeJS.Timeout;
}

export class NatsPuller implements Puller {
  readonly #connection: NatsConnection;
  readonly #subject: string;
  readonly #where: string;
  readonly #lost: LostConnection;
  readonly #inbox = createInbox();
  readonly #subscription: Subscription;
  /** As many as pulls are on their way; a message goes to the first, not to the one whose pull it answers. */
  readonly #waiters: Waiter[] = [];
  #isClosed = false;

  constructor(connection: NatsConnection, subject: string, where: string, lost: LostConnection) {
    this.#lost = lost;
    this.#connection = connection;
    this.#subject = subject;
    this.#where = where;
    this.#subscription = connection.subscribe(this.#inbox, {
      callback: (error, message) => (error ? this.#end() : this.#receive(message)),
    });
    void this.#follow();
  }

  next(waitMs: number): Promise<PulledMessage | null> {
    return new Promise((resolve) => {
      if (this.#isClosed) return resolve(null);
      const timer = setTimeout(() => this.#settle(waiter, null), waitMs + LATE_MS);
      const waiter: Waiter = { resolve, timer };
      this.#waiters.push(waiter);
      const pull = { batch: 1, expires: nanos(waitMs) };
      try {
        this.#connection.publish(this.#subject, ENCODER.encode(JSON.stringify(pull)), { reply: this.#inbox });
      } catch {
        // The connection is closed for good.
        this.#end();
      }
    });
  }

  async close(): Promise<void> {
    this.#end();
    // What the server sent before it heard of the end is still handed to #receive.
    await this.#subscription.drain().catch(() => {});
  }

  #end(): void {
    this.#isClosed = true;
    for (const waiter of [...this.#waiters]) this.#settle(waiter, null);
  }

  #settle(waiter: Waiter | undefined, message: PulledMessage | null): void {
    const index = waiter ? this.#waiters.indexOf(waiter) : -1;
    if (index < 0) return;
    this.#waiters.splice(index, 1);
    clearTimeout(waiter!.timer);
    waiter!.resolve(message);
  }

  #receive(message: Msg): void {
    const waiter = this.#waiters[0];
    const status = message.headers?.status;
    if (!message.reply) {
      const pause = status !== undefined && NONE.includes(status) ? 0 : PAUSE_MS;
      if (pause === 0) this.#settle(waiter, null);
      else setTimeout(() => this.#settle(waiter, null), pause);
      return;
    }
    const pulled = toPulled(this.#connection, message, this.#where, this.#lost);
    if (pulled === null) return;
    if (waiter) this.#settle(waiter, pulled);
    else pulled.nak();
  }

  /** A lost connection has lost the pulls. */
  async #follow(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (this.#isClosed) return;
      if (type !== "disconnect") continue;
      for (const waiter of [...this.#waiters]) setTimeout(() => this.#settle(waiter, null), PAUSE_MS);
    }
    this.#end();
  }
}

/** Null for a message that does not come from a stream. */
function toPulled(connection: NatsConnection, message: Msg, where: string, lost: LostConnection): PulledMessage | null {
  // $JS.ACK.STREAM.CONSUMER.DELIVERED.SEQUENCE.CONSUMER_SEQUENCE.TIME.PENDING, or with domain and account after ACK
  const tokens = message.reply!.split(".");
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK" || tokens.length < 9) return null;
  const [deliveryCount, , , , pending] = tokens.slice(tokens.length === 9 ? 4 : 6).map(Number);
  const reply = message.reply!;
  return {
    subject: message.subject,
    data: message.data,
    headers: fromHeaders(message.headers),
    deliveryCount: deliveryCount!,
    pending: pending!,
    ack: async () => {
      try {
        await lost.orLost(connection.request(reply, ACK, { timeout: ACK_TIMEOUT_MS }));
      } catch (error) {
        throw netError(error, `${where} ${message.subject}`);
      }
    },
    nak: (delayMs) => {
      const delay = delayMs === undefined ? "" : ` ${JSON.stringify({ delay: nanos(delayMs) })}`;
      if (!connection.isClosed()) connection.publish(reply, ENCODER.encode(`-NAK${delay}`));
    },
    working: () => {
      if (!connection.isClosed()) connection.publish(reply, WORKING);
    },
  };
}
