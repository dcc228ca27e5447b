/** The interface to a NATS server: subjects, requests, buckets. Does not know the client that implements it. */
import type { Streams } from "./streams.js";

export interface NetOptions {
  /** URLs, `nats://HOST:PORT` or `tls://HOST:PORT`; one that is lost is replaced by another. With `tls://`, plain text is refused. */
  servers: string[];
  /** Shown in the server's list of connections. */
  name: string;
  token?: string;
  /** Path of a credentials file (JWT and nkey). */
  creds?: string;
  nkeySeed?: string;
  /** Paths of PEM files, or their text; null: never TLS. Left out: TLS if the server has it. */
  tls?: { ca?: string; cert?: string; key?: string } | null;
  /** After this time without an answer to two pings the connection counts as lost; 5,000 ms if left out. */
  pingMs?: number;
  /** Time for the first connection to each server; 5,000 ms if left out. */
  timeoutMs?: number;
  /** Ends the wait for the first connection. */
  signal?: AbortSignal;
}

export interface NetMessage {
  subject: string;
  data: Uint8Array;
  /** Of a name that occurs more than once, the first value. */
  headers: Record<string, string>;
  reply: string | null;
  /** Does nothing if nobody waits for an answer. */
  respond(data: Uint8Array): void;
}

/** Messages in the order in which they came. Ends when it is closed; throws LlamaError if the server refuses it. */
export interface NetSubscription extends AsyncIterable<NetMessage> {
  close(): void;
}

/** `lame-duck`: the server is about to end; the client will look for another, or wait for it. */
export type NetStatus = "disconnected" | "reconnected" | "closed" | "lame-duck";

/** One value a key, the last; every change has a higher revision than the one before. */
export interface Bucket {
  /** Returns the revision, or null if the key exists. */
  create(key: string, data: Uint8Array): Promise<number | null>;
  get(key: string): Promise<{ data: Uint8Array; revision: number } | null>;
  put(key: string, data: Uint8Array): Promise<number>;
  /** Returns the new revision, or null if `revision` is not the last. */
  update(key: string, data: Uint8Array, revision: number): Promise<number | null>;
  delete(key: string): Promise<void>;
  /** All values, then every change; null for a deleted key. Ends with `return` or with the connection. */
  watch(): AsyncIterable<{ key: string; data: Uint8Array | null; revision: number }>;
  /** Removes the bucket with all values. */
  destroy(): Promise<void>;
}

/**
 * A connection. It reconnects for ever and then renews its subscriptions. What was published while there was no connection is
 * lost, and requests on their way end with an error.
 */
export interface Net {
  /** Largest message in bytes that the server takes, headers included. */
  readonly maxPayload: number;
  readonly serverVersion: string;
  /** False between `disconnected` and `reconnected`. */
  readonly isConnected: boolean;
  /** Throws LlamaError if it is longer than `maxPayload` or the connection is closed. */
  publish(subject: string, data: Uint8Array, options?: { reply?: string; headers?: Record<string, string> }): void;
  /** Throws NoResponders at once if nobody listens, NoAnswer after `timeoutMs`, else LlamaError. */
  request(
    subject: string,
    data: Uint8Array,
    timeoutMs: number,
    options?: { headers?: Record<string, string> },
  ): Promise<NetMessage>;
  /** With `queue`, one of all subscribers of that name gets a message. */
  subscribe(subject: string, options?: { queue?: string }): NetSubscription;
  /** Returns the function that removes the listener. */
  onStatus(listener: (status: NetStatus) => void): () => void;
  /** Opens the bucket, or makes it. Throws LlamaError where the server has no JetStream. */
  bucket(name: string): Promise<Bucket>;
  /** Stored messages. Throws LlamaError where the server has no JetStream. */
  streams(): Promise<Streams>;
  /** Waits until the server has what was published. */
  flush(): Promise<void>;
  close(): Promise<void>;
}
