/** Stored messages by the library @nats-io/jetstream: streams and consumers are made, asked and filled. */
import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  ReplayPolicy,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { type NatsConnection, nanos } from "@nats-io/transport-node";
import { LlamaError } from "../../error.js";
import { LostConnection } from "./lost-connection.js";
import { toHeaders } from "./nats-message.js";
import { NatsPuller } from "./nats-puller.js";
import { netError, tooLarge } from "./net-error.js";
import type { ConsumerSpec, ConsumerState, Puller, Stored, StreamSpec, StreamState, Streams } from "./streams.js";

/** Codes of the server (nats-server, server/errors.json). */
const NO_STREAM = 10059;
const NO_CONSUMER = 10014;
const STORE_FAILED = 10077;
const NO_MESSAGE = 10057;
/** Limits of the server, of its memory and of its files. */
const NO_RESOURCES = [10023, 10028, 10047];
/** The subject has a message: before and from 2.11. */
const WRONG_SEQUENCE = [10071, 10164];
const TIMEOUT_MS = 5000;
/** Pulls that may wait at the server, over all clients. */
const MAX_WAITING = 8192;
/** Room for the headers of a message. */
const HEADER_BYTES = 256;
/** Sent with each message: the subject may have none. */
const FIRST_OF_SUBJECT = { "Nats-Expected-Last-Subject-Sequence": "0" };

export async function natsStreams(connection: NatsConnection, where: string): Promise<Streams> {
  try {
    const client = jetstream(connection, { timeout: TIMEOUT_MS });
    return new NatsStreams(connection, client, await jetstreamManager(connection, { timeout: TIMEOUT_MS }), where);
  } catch (error) {
    throw netError(error, where);
  }
}

class NatsStreams implements Streams {
  readonly #connection: NatsConnection;
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #where: string;
  readonly #lost: LostConnection;

  constructor(connection: NatsConnection, client: JetStreamClient, manager: JetStreamManager, where: string) {
    this.#connection = connection;
    this.#client = client;
    this.#manager = manager;
    this.#where = where;
    this.#lost = new LostConnection(connection);
  }

  async ensureStream({ name, subjects, storage, maxMessages = -1 }: StreamSpec): Promise<void> {
    const wanted = {
      subjects,
      retention: RetentionPolicy.Workqueue,
      discard: DiscardPolicy.New,
      discard_new_per_subject: true,
      max_msgs_per_subject: 1,
    };
    const made = { name, ...wanted, max_msgs: maxMessages, allow_direct: true };
    const storageType = storage === "file" ? StorageType.File : StorageType.Memory;
    await this.#run(name, async () => {
      const config =
        (await this.#config(name)) ?? (await this.#manager.streams.add({ ...made, storage: storageType })).config;
      for (const [key, value] of Object.entries(wanted)) {
        const found = JSON.stringify(config[key as keyof StreamConfig]);
        if (found === JSON.stringify(value)) continue;
        throw new LlamaError("usage", `the stream ${name} of the server has another ${key}`, {
          where: this.#where,
          expected: JSON.stringify(value),
          found,
          fix: `Remove it: nats stream rm ${name}`,
        });
      }
    });
  }

  async #config(name: string): Promise<StreamConfig | null> {
    return (await orNull(NO_STREAM, this.#manager.streams.info(name)))?.config ?? null;
  }

  async ensureConsumer(stream: string, { name, ackWaitMs, maxUnacked }: ConsumerSpec): Promise<void> {
    await this.#run(stream, async () => {
      if (await orNull(NO_CONSUMER, this.#manager.consumers.info(stream, name))) return;
      await this.#manager.consumers.add(stream, {
        durable_name: name,
        ack_policy: AckPolicy.Explicit,
        deliver_policy: DeliverPolicy.All,
        replay_policy: ReplayPolicy.Instant,
        ack_wait: nanos(ackWaitMs),
        max_deliver: -1,
        max_ack_pending: maxUnacked,
        max_waiting: MAX_WAITING,
      });
    });
  }

  async deleteConsumer(stream: string, name: string): Promise<void> {
    await this.#run(stream, () => orNull(NO_CONSUMER, this.#manager.consumers.delete(stream, name)));
  }

  async deleteStream(stream: string): Promise<void> {
    await this.#run(stream, () => orNull(NO_STREAM, this.#manager.streams.delete(stream)));
  }

  async streamState(stream: string): Promise<StreamState | null> {
    const info = await this.#run(stream, () => orNull(NO_STREAM, this.#manager.streams.info(stream)));
    if (!info) return null;
    const { messages, bytes, first_ts, consumer_count } = info.state;
    return { messages, bytes, firstAt: messages > 0 ? Date.parse(first_ts) : null, consumers: consumer_count };
  }

  async consumerState(stream: string, name: string): Promise<ConsumerState | null> {
    const found = orNull(NO_STREAM, orNull(NO_CONSUMER, this.#manager.consumers.info(stream, name)));
    const info = await this.#run(stream, () => found);
    return (
      info && {
        pending: info.num_pending,
        unacked: info.num_ack_pending,
        redelivered: info.num_redelivered,
        waiting: info.num_waiting,
        ackWaitMs: (info.config.ack_wait ?? 0) / 1e6,
      }
    );
  }

  streamNames(subject: string): Promise<string[]> {
    return this.#run(subject, async () => {
      const names: string[] = [];
      for await (const name of this.#manager.streams.names(subject)) names.push(name);
      return names;
    });
  }

  async count(stream: string, subject: string): Promise<number> {
    const asked = { subjects_filter: subject };
    const info = await this.#run(stream, () => orNull(NO_STREAM, this.#manager.streams.info(stream, asked)));
    return Object.keys(info?.state.subjects ?? {}).length;
  }

  async store(subject: string, data: Uint8Array, headers: Record<string, string> = {}): Promise<Stored> {
    const limit = this.#connection.info?.max_payload;
    if (limit !== undefined && data.length + HEADER_BYTES > limit) throw tooLarge(data.length + HEADER_BYTES, limit);
    try {
      const all = toHeaders({ ...headers, ...FIRST_OF_SUBJECT })!;
      await this.#lost.orLost(this.#client.publish(subject, data, { headers: all, timeout: TIMEOUT_MS }));
      return "stored";
    } catch (error) {
      if (error instanceof JetStreamApiError) {
        const { code, message } = error;
        if (WRONG_SEQUENCE.includes(code) || (code === STORE_FAILED && /per subject/.test(message))) return "exists";
        if (code === STORE_FAILED && /maximum (messages|bytes)/.test(message)) return "full";
        if (code === STORE_FAILED || NO_RESOURCES.includes(code)) return "no-room";
        if (code === NO_STREAM) return "no-stream";
      }
      // Nobody listens to the subject: no stream has it, or the server's storage is not running.
      if ((error as Error).name === "JetStreamNotEnabled") return "no-stream";
      throw netError(error, `${this.#where} ${subject}`);
    }
  }

  async has(stream: string, subject: string): Promise<boolean> {
    return (await this.get(stream, subject)) !== null;
  }

  async get(stream: string, subject: string): Promise<Uint8Array | null> {
    const message = await this.#run(stream, () => this.#manager.direct.getMessage(stream, { last_by_subj: subject }));
    return message?.data ?? null;
  }

  async remove(stream: string, subject: string): Promise<void> {
    await this.#run(stream, async () => {
      const message = await this.#manager.direct.getMessage(stream, { last_by_subj: subject });
      // A worker may have acknowledged it meanwhile.
      if (message) await orNull(NO_MESSAGE, this.#manager.streams.deleteMessage(stream, message.seq, false));
    });
  }

  async puller(stream: string, consumer: string): Promise<Puller> {
    if ((await this.consumerState(stream, consumer)) === null) {
      throw new LlamaError("runtime", `has no stream ${stream} with a consumer ${consumer}`, { where: this.#where });
    }
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
    return new NatsPuller(this.#connection, subject, this.#where, this.#lost);
  }

  async #run<T>(what: string, action: () => Promise<T>): Promise<T> {
    try {
      return await this.#lost.orLost(action());
    } catch (error) {
      throw netError(error, `${this.#where} ${what}`);
    }
  }
}

/** Null in place of the error with this code. */
async function orNull<T>(code: number, asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === code) return null;
    throw error;
  }
}
