/** Opens a connection to a NATS server. Does not load the client before a connection is asked for. */
import type { Net, NetOptions } from "./connection.js";

export type { Bucket, Net, NetMessage, NetOptions, NetStatus, NetSubscription } from "./connection.js";
export { NoAnswer, NoResponders, TooLarge } from "./net-error.js";
export type * from "./streams.js";

/** Connects, and throws LlamaError at once if no server can be reached or it refuses the key. */
export async function connect(options: NetOptions): Promise<Net> {
  const { connectNats } = await import("./nats-connection.js");
  return connectNats(options);
}
