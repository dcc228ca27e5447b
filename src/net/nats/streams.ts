/** The interface to stored messages (JetStream): streams, their consumers, and messages that are pulled and acknowledged. Does not know what they mean. */

/** A stream of stored messages. Each subject holds one message at a time; what has no room is refused. */
export interface StreamSpec {
  name: string;
  subjects: string[];
  storage: "file" | "memory";
  /** Messages at most; unlimited if left out. */
  maxMessages?: number;
}

/** Who pulls from a stream: any number of clients share one consumer, and each message goes to one of them. */
export interface ConsumerSpec {
  name: string;
  /** A message that is neither acknowledged nor reported as being worked on is delivered again after this time. */
  ackWaitMs: number;
  /** Messages delivered and not yet acknowledged at most, over all clients. */
  maxUnacked: number;
}

export interface StreamState {
  messages: number;
  bytes: number;
  /** When the oldest message was stored, in ms since 1970; null if it has no messages. */
  firstAt: number | null;
  consumers: number;
}

export interface ConsumerState {
  /** Not yet delivered. */
  pending: number;
  /** Delivered and not acknowledged. */
  unacked: number;
  /** Of those, delivered more than once. */
  redelivered: number;
  /** Pulls that wait for a message. */
  waiting: number;
  ackWaitMs: number;
}

/** `full`: the stream has no room; `no-room`: the server has none; `exists`: the subject has a message; `no-stream`: nothing stores this subject. */
export type Stored = "stored" | "full" | "no-room" | "exists" | "no-stream";

/** A message that was pulled. Acknowledging removes it from its stream. */
export interface PulledMessage {
  subject: string;
  data: Uint8Array;
  headers: Record<string, string>;
  /** 1 at the first delivery. */
  deliveryCount: number;
  /** Messages of the stream not yet delivered to anybody. */
  pending: number;
  /** Waits until the server has removed it. Throws LlamaError if no answer comes. */
  ack(): Promise<void>;
  /** Gives it back: it is delivered again at once, or after `delayMs`. */
  nak(delayMs?: number): void;
  /** Starts the consumer's time to acknowledge again. */
  working(): void;
}

/** A client's pulls. */
export interface Puller {
  /** The next message, or null after `waitMs` without one, when `close` was called, or when the connection was lost meanwhile. */
  next(waitMs: number): Promise<PulledMessage | null>;
  /** Pulls no more, and gives back what came too late to be taken. */
  close(): Promise<void>;
}

export interface Streams {
  /** Makes the stream if it is not there. Throws LlamaError if it is there with other settings. */
  ensureStream(spec: StreamSpec): Promise<void>;
  ensureConsumer(stream: string, spec: ConsumerSpec): Promise<void>;
  deleteConsumer(stream: string, name: string): Promise<void>;
  /** With all its messages; nothing happens if it is not there. */
  deleteStream(stream: string): Promise<void>;
  /** Null if it is not there. */
  streamState(stream: string): Promise<StreamState | null>;
  consumerState(stream: string, name: string): Promise<ConsumerState | null>;
  /** Names of the streams that store such subjects (`*` and `>` are wildcards). */
  streamNames(subject: string): Promise<string[]>;
  /** Messages of the stream with such a subject. */
  count(stream: string, subject: string): Promise<number>;
  /** Stores a message; resolves when the server has it. Throws TooLarge, or LlamaError if no answer comes. */
  store(subject: string, data: Uint8Array, headers?: Record<string, string>): Promise<Stored>;
  /** Whether the stream holds a message of this subject. */
  has(stream: string, subject: string): Promise<boolean>;
  /** The message of this subject, or null. */
  get(stream: string, subject: string): Promise<Uint8Array | null>;
  /** Removes the message of this subject, delivered or not; nothing happens without one. */
  remove(stream: string, subject: string): Promise<void>;
  /** Throws LlamaError if the consumer is not there. */
  puller(stream: string, consumer: string): Promise<Puller>;
}
