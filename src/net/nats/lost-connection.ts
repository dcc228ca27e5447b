/** Ends what waits for a server's answer as soon as the connection is lost: that answer never comes. */
import type { NatsConnection } from "@nats-io/transport-node";
import { NoAnswer } from "./net-error.js";

export class LostConnection {
  readonly #waiting = new Set<(error: NoAnswer) => void>();

  constructor(connection: NatsConnection) {
    void this.#follow(connection);
  }

  /** The promise, or NoAnswer when the connection is lost before it. */
  async orLost<T>(answer: Promise<T>): Promise<T> {
    let lose: ((error: NoAnswer) => void) | null = null;
    const lost = new Promise<never>((_, reject) => {
      lose = reject;
      this.#waiting.add(reject);
    });
    // It may fail later, when nobody waits any more.
    answer.catch(() => {});
    try {
      return await Promise.race([answer, lost]);
    } finally {
      this.#waiting.delete(lose!);
    }
  }

  async #follow(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) if (type === "disconnect") this.#endAll();
    this.#endAll();
  }

  #endAll(): void {
    const error = new NoAnswer("runtime", "the connection to the server was lost");
    for (const lose of [...this.#waiting]) lose(error);
  }
}
