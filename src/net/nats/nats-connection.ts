/** A connection to a NATS server by the library @nats-io/transport-node. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type ConnectionOptions,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  connect as open,
  type Subscription,
  type TlsOptions,
} from "@nats-io/transport-node";
import { LlamaError } from "../../error.js";
import { fileError } from "../../formats/files/file-error.js";
import type { Bucket, Net, NetMessage, NetOptions, NetStatus, NetSubscription } from "./connection.js";
import { openBucket } from "./nats-bucket.js";
import { toHeaders, toMessage } from "./nats-message.js";
import { natsStreams } from "./nats-streams.js";
import { NoAnswer, netError, tooLarge } from "./net-error.js";
import type { Streams } from "./streams.js";

const PING_MS = 5000;
const TIMEOUT_MS = 5000;
/** Between tries to reach a lost server: soon enough for a stage, rare enough for a server with a thousand clients. */
const RECONNECT_MS = 500;
/** At its end a connection waits this long for an answer, which tells that it is whole. */
const LAST_ANSWER_MS = 200;

export async function connectNats(options: NetOptions): Promise<Net> {
  const { servers, signal } = options;
  const where = servers.join(",");
  signal?.throwIfAborted();
  const opening = open(connectionOptions(options));
  const aborted = new Promise<never>((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  try {
    return new NatsNet(await Promise.race([opening, aborted]), where);
  } catch (error) {
    // A connection that opens after the abort is not wanted any more.
    opening.then(
      (connection) => connection.close(),
      () => {},
    );
    if (signal?.aborted) throw signal.reason;
    throw openError(error, where);
  }
}

/** A server that wants a certificate of the client closes the connection without a word to the library. */
function openError(error: unknown, where: string): LlamaError {
  const found = netError(error, where);
  if (!(found instanceof NoAnswer)) return found;
  const fix = "It may hang, want TLS (tls://), or want a certificate of the client";
  return new LlamaError("runtime", "the server does not take the connection", { where, fix, cause: error });
}

function connectionOptions(options: NetOptions): ConnectionOptions {
  const { servers, name, token, creds, nkeySeed, tls, pingMs = PING_MS, timeoutMs = TIMEOUT_MS } = options;
  const needsTls = servers.some((server) => server.startsWith("tls://"));
  if (needsTls && tls === null) throw new LlamaError("usage", "tls:// needs TLS", { where: servers.join(",") });
  const authenticator =
    creds !== undefined
      ? credsAuthenticator(readSecret(creds))
      : nkeySeed !== undefined
        ? nkeyAuthenticator(new TextEncoder().encode(nkeySeed))
        : undefined;
  return {
    servers,
    name,
    ...(token !== undefined && { token }),
    ...(authenticator && { authenticator }),
    ...(tls === null ? { tls: null } : (tls || needsTls) && { tls: tlsOptions(tls ?? {}) }),
    pingInterval: pingMs,
    maxPingOut: 2,
    timeout: timeoutMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_MS,
    noAsyncTraces: true,
  };
}

function readSecret(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fileError(path, error, "usage");
  }
}

function tlsOptions({ ca, cert, key }: { ca?: string; cert?: string; key?: string }): TlsOptions {
  const text = (value: string) =>
    value.startsWith("-----BEGIN") ? value : new TextDecoder().decode(readSecret(value));
  return {
    ...(ca !== undefined && { ca: text(ca) }),
    ...(cert !== undefined && { cert: text(cert) }),
    ...(key !== undefined && { key: text(key) }),
  };
}

const STATUSES: Record<string, NetStatus> = {
  disconnect: "disconnected",
  reconnect: "reconnected",
  close: "closed",
  ldm: "lame-duck",
};

class NatsNet implements Net {
  readonly #connection: NatsConnection;
  readonly #where: string;
  readonly #listeners = new Set<(status: NetStatus) => void>();
  #maxPayload: number;
  #serverVersion: string;
  #isConnected = true;

  constructor(connection: NatsConnection, where: string) {
    this.#connection = connection;
    this.#where = where;
    this.#maxPayload = connection.info?.max_payload ?? 2 ** 20;
    this.#serverVersion = connection.info?.version ?? "";
    void this.#follow();
  }

  // While there is no connection, the last server's values stand.
  get maxPayload(): number {
    this.#maxPayload = this.#connection.info?.max_payload ?? this.#maxPayload;
    return this.#maxPayload;
  }

  get serverVersion(): string {
    this.#serverVersion = this.#connection.info?.version ?? this.#serverVersion;
    return this.#serverVersion;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  publish(subject: string, data: Uint8Array, options: { reply?: string; headers?: Record<string, string> } = {}): void {
    const headers = toHeaders(options.headers);
    try {
      this.#checkSize(data);
      this.#connection.publish(subject, data, {
        ...(options.reply !== undefined && { reply: options.reply }),
        ...(headers && { headers }),
      });
    } catch (error) {
      throw netError(error, `${this.#where} ${subject}`);
    }
  }

  async request(
    subject: string,
    data: Uint8Array,
    timeoutMs: number,
    options: { headers?: Record<string, string> } = {},
  ): Promise<NetMessage> {
    const headers = toHeaders(options.headers);
    try {
      this.#checkSize(data);
      return toMessage(
        await this.#connection.request(subject, data, { timeout: timeoutMs, ...(headers && { headers }) }),
      );
    } catch (error) {
      throw netError(error, `${this.#where} ${subject}`);
    }
  }

  subscribe(subject: string, options: { queue?: string } = {}): NetSubscription {
    try {
      const subscription = this.#connection.subscribe(subject, options);
      return new NatsSubscription(subscription, `${this.#where} ${subject}`);
    } catch (error) {
      throw netError(error, `${this.#where} ${subject}`);
    }
  }

  onStatus(listener: (status: NetStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  bucket(name: string): Promise<Bucket> {
    return openBucket(this.#connection, name, `${this.#where} ${name}`);
  }

  streams(): Promise<Streams> {
    return natsStreams(this.#connection, this.#where);
  }

  async flush(): Promise<void> {
    try {
      await this.#connection.flush();
    } catch (error) {
      throw netError(error, this.#where);
    }
  }

  /** The client may write to a socket that the server has ended, when it listens for no error any more: a loss under way comes first. */
  async close(): Promise<void> {
    if (this.#isConnected)
      await Promise.race([this.#connection.flush().catch(() => {}), sleep(LAST_ANSWER_MS, undefined, { ref: false })]);
    await this.#connection.close();
  }

  #checkSize(data: Uint8Array): void {
    if (data.length > this.maxPayload) throw tooLarge(data.length, this.maxPayload);
  }

  async #follow(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      const status = STATUSES[type];
      if (status === undefined) continue;
      if (status !== "lame-duck") this.#isConnected = status === "reconnected";
      if (status !== "closed") this.#tell(status);
    }
    this.#isConnected = false;
    this.#tell("closed");
  }

  #tell(status: NetStatus): void {
    for (const listener of [...this.#listeners]) listener(status);
  }
}

class NatsSubscription implements NetSubscription {
  readonly #subscription: Subscription;
  readonly #where: string;

  constructor(subscription: Subscription, where: string) {
    this.#subscription = subscription;
    this.#where = where;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<NetMessage, void, void> {
    try {
      for await (const message of this.#subscription) yield toMessage(message);
    } catch (error) {
      throw netError(error, this.#where);
    }
  }

  close(): void {
    this.#subscription.unsubscribe();
  }
}
