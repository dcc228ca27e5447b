/**
 * The link of one host to the next in the ring of an epoch: messages arrive in order, each once, or it fails and says so.
 * Every message has its number and is answered with "taken" at once. Does not know what is in a message.
 */
import { LlamaError } from "../../error.js";
import type { Net, NetMessage, NetSubscription } from "../nats/net.js";
import { BEAT_MS } from "./pulse.js";
import { stageSubject, takenSubject } from "./subjects.js";

/** Of the server's limit, kept for headers and subjects. */
const HEADER_ROOM = 1024;
/** Header with the number of a message in its epoch, from 1. */
const NUMBER = "lts-k";

/** Who gets what comes over a link. */
export interface LinkReceiver {
  message(bytes: Uint8Array): void;
  /** Called once at most. */
  failed(error: LlamaError): void;
}

export interface RingPlace {
  group: string;
  epoch: number;
  /** Own place. */
  place: number;
  /** Places in the ring. */
  places: number;
  /** Milliseconds that a message may stay without an answer. */
  lostAfterMs: number;
}

export class RingLink {
  readonly maxMessage: number;
  readonly #net: Net;
  readonly #ring: RingPlace;
  readonly #next: string;
  readonly #reply: string;
  readonly #subscriptions: NetSubscription[];
  readonly #timer: NodeJS.Timeout;
  readonly #fail: (error: LlamaError) => LlamaError;
  #receiver: LinkReceiver | null = null;
  /** Messages that came before somebody listened. */
  #early: Uint8Array[] = [];
  #error: LlamaError | null = null;
  #isClosed = false;
  /** Numbers of the last message: received, sent, answered. */
  #received = 0;
  #sent = 0;
  #taken = 0;
  /** Ticks for which the oldest message has waited for its answer. */
  #waited = 0;
  /** Bytes sent and received. */
  readonly bytes = { sent: 0, received: 0 };
  /** Called with the first failure, before the receiver. */
  onFailure: ((error: LlamaError) => void) | null = null;

  /** `asError` makes of a failure the class of error that the receiver expects. */
  constructor(net: Net, ring: RingPlace, asError: (error: LlamaError) => LlamaError = (error) => error) {
    this.#net = net;
    this.#ring = ring;
    this.#fail = asError;
    this.maxMessage = net.maxPayload - HEADER_ROOM;
    const { group, epoch, place, places } = ring;
    this.#next = stageSubject(group, epoch, (place + 1) % places);
    this.#reply = takenSubject(group, epoch, place);
    const [messages, answers] = [net.subscribe(stageSubject(group, epoch, place)), net.subscribe(this.#reply)];
    this.#subscriptions = [messages, answers];
    void this.#take(messages, (message) => this.#receive(message));
    void this.#take(answers, (message) => this.#answered(message));
    this.#timer = setInterval(() => this.#tick(), BEAT_MS).unref();
  }

  /** Sends a message to the next place. Does nothing after a failure or close(). */
  send(bytes: Uint8Array): void {
    if (this.#error || this.#isClosed) return;
    this.#sent++;
    this.bytes.sent += bytes.byteLength;
    try {
      this.#net.publish(this.#next, bytes, { reply: this.#reply, headers: { [NUMBER]: String(this.#sent) } });
    } catch (error) {
      this.fail(error instanceof LlamaError ? error : new LlamaError("runtime", String(error)));
    }
  }

  listen(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    const early = this.#early;
    this.#early = [];
    for (const bytes of early) this.#hand(bytes);
    if (this.#error && !this.#isClosed) receiver.failed(this.#error);
  }

  /** Ends the link with a failure, unless it has ended. */
  fail(error: LlamaError): void {
    if (this.#error || this.#isClosed) return;
    this.#error = this.#fail(error);
    this.#stop();
    this.onFailure?.(this.#error);
    this.#receiver?.failed(this.#error);
  }

  close(): void {
    this.#isClosed = true;
    this.#stop();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#early = [];
    for (const subscription of this.#subscriptions) subscription.close();
  }

  async #take(messages: NetSubscription, take: (message: NetMessage) => void): Promise<void> {
    try {
      for await (const message of messages) if (!this.#error && !this.#isClosed) take(message);
    } catch (error) {
      this.fail(error instanceof LlamaError ? error : new LlamaError("runtime", String(error)));
    }
  }

  #receive({ data, headers, reply, respond }: NetMessage): void {
    const number = Number(headers[NUMBER]);
    // Anybody may answer to any subject: the answer continuesly where the stage before waits for it.
    const { group, epoch, place, places } = this.#ring;
    if (reply !== takenSubject(group, epoch, (place + places - 1) % places) || !(number > 0)) return;
    if (number !== this.#received + 1) {
      this.fail(lost("a message between two hosts was lost", `message ${this.#received + 1}`, `${number}`));
      return;
    }
    this.#received = number;
    respond(new TextEncoder().encode(String(number)));
    // A view of the client's buffer, which holds other messages too.
    const bytes = data.slice();
    this.bytes.received += bytes.byteLength;
    if (this.#receiver) this.#hand(bytes);
    else this.#early.push(bytes);
  }

  #hand(bytes: Uint8Array): void {
    try {
      this.#receiver!.message(bytes);
    } catch (error) {
      this.fail(error instanceof LlamaError ? error : new LlamaError("runtime", String(error), { cause: error }));
    }
  }

  #answered({ data }: NetMessage): void {
    // The server says so with an empty message.
    if (data.byteLength === 0) {
      this.fail(lost("the next host of the ring is gone", "somebody who takes the message", "nobody"));
      return;
    }
    const number = Number(new TextDecoder().decode(data));
    if (!(number > this.#taken && number <= this.#sent)) return;
    this.#taken = number;
    this.#waited = 0;
  }

  #tick(): void {
    if (this.#taken === this.#sent) {
      this.#waited = 0;
      return;
    }
    this.#waited++;
    if (this.#waited * BEAT_MS > this.#ring.lostAfterMs) {
      const seconds = this.#ring.lostAfterMs / 1000;
      this.fail(lost("the next host of the ring does not answer", `an answer in ${seconds} s`, "none"));
    }
  }
}

function lost(problem: string, expected: string, found: string): LlamaError {
  return new LlamaError("runtime", problem, { expected, found });
}
