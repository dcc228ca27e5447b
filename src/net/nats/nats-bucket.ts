/** A bucket of keys and values by the library @nats-io/kv. */
import { JetStreamApiError } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Bucket } from "./connection.js";
import { netError } from "./net-error.js";

/** Codes of a value that has another revision than expected, on servers before and from 2.11. */
const WRONG_REVISION = [10071, 10164];

export async function openBucket(connection: NatsConnection, name: string, where: string): Promise<Bucket> {
  try {
    return new NatsBucket(await new Kvm(connection).create(name, { history: 1 }), where);
  } catch (error) {
    throw netError(error, where);
  }
}

class NatsBucket implements Bucket {
  readonly #kv: KV;
  readonly #where: string;

  constructor(kv: KV, where: string) {
    this.#kv = kv;
    this.#where = where;
  }

  create(key: string, data: Uint8Array): Promise<number | null> {
    return this.#unlessChanged(() => this.#kv.create(key, data));
  }

  async get(key: string): Promise<{ data: Uint8Array; revision: number } | null> {
    const entry = await this.#run(() => this.#kv.get(key));
    return entry?.operation === "PUT" ? { data: entry.value, revision: entry.revision } : null;
  }

  put(key: string, data: Uint8Array): Promise<number> {
    return this.#run(() => this.#kv.put(key, data));
  }

  update(key: string, data: Uint8Array, revision: number): Promise<number | null> {
    return this.#unlessChanged(() => this.#kv.update(key, data, revision));
  }

  delete(key: string): Promise<void> {
    return this.#run(() => this.#kv.delete(key));
  }

  async *watch(): AsyncGenerator<{ key: string; data: Uint8Array | null; revision: number }, void, void> {
    const entries = await this.#run(() => this.#kv.watch());
    try {
      for await (const { key, operation, value, revision } of entries) {
        yield { key, data: operation === "PUT" ? value : null, revision };
      }
    } catch (error) {
      throw netError(error, this.#where);
    } finally {
      entries.stop();
    }
  }

  async destroy(): Promise<void> {
    await this.#run(() => this.#kv.destroy());
  }

  async #run<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw netError(error, this.#where);
    }
  }

  async #unlessChanged(action: () => Promise<number>): Promise<number | null> {
    try {
      return await action();
    } catch (error) {
      if (error instanceof JetStreamApiError && WRONG_REVISION.includes(error.code)) return null;
      throw netError(error, this.#where);
    }
  }
}
