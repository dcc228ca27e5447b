/** Connects a command to the queue that its options name. */
import type { Net } from "../../net/nats/net.js";
import { connect } from "../../net/nats/net.js";
import { printNote } from "../terminal/notes.js";
import { queueNetOptions } from "./net-options.js";
import type { QueueFlags } from "./queue-flags.js";

/** `name`: of the connection, as the server lists it. Throws LlamaError if no server can be reached. */
export async function connectQueue(
  flags: QueueFlags & { quiet?: true | undefined },
  name: string,
  signal: AbortSignal,
): Promise<Net> {
  const { options, warning } = queueNetOptions(flags, process.env, name);
  if (warning !== null && !flags.quiet) printNote(warning);
  return connect({ ...options, signal });
}
