/** The names of the queue between fronts and workers: streams, subjects and their limits. Does not know messages. */
import type { ConsumerSpec, StreamSpec } from "../../net/nats/net.js";

/** Requests that wait and run, of all fronts. */
const MAX_MESSAGES = 10_000;
const ACK_WAIT_MS = 15_000;
const MAX_UNACKED = 20_000;

/** `model`: the name of a model in subjects. Requests of a front have no value after it, so they are kept in memory. */
export function serviceStream(model: string): StreamSpec {
  const name = `LTS_NOW_${model}`;
  return { name, subjects: [`lts.now.${model}.>`], storage: "memory", maxMessages: MAX_MESSAGES };
}

export const SERVICE_CONSUMER: ConsumerSpec = { name: "w", ackWaitMs: ACK_WAIT_MS, maxUnacked: MAX_UNACKED };

/** Where a request waits. `place`: the front and the number of its request. */
export function requestSubject(model: string, place: string): string {
  return `lts.now.${model}.${place}`;
}

/** The place in a request's subject. */
export function placeOf(subject: string): string {
  return subject.split(".").slice(3).join(".");
}

/** Where a worker says what becomes of a request. */
export function tokenSubject(place: string): string {
  return `lts.tok.${place}`;
}

/** Where a front says that nobody waits for a request any more. */
export function cancelSubject(place: string): string {
  return `lts.cancel.${place}`;
}
