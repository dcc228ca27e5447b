/** Names of the queue on a server: streams, subjects, consumers, headers. Does not connect. */
import { createHash, randomBytes } from "node:crypto";
import type { ConsumerSpec, StreamSpec } from "../nats/net.js";

/** Version of what requests and answers hold; workers leave other versions to others. */
export const QUEUE_VERSION = "1";
export const VERSION_HEADER = "lts-v";
/** A message that is neither answered nor reported as running is given to another worker after this time. */
export const ACK_WAIT_MS = 15_000;
/** At this delivery of a request the worker answers with an error: the request may be what ended the others. */
export const POISON_DELIVERIES = 6;
/** Requests that wait or run; a further one is refused until there is room. */
const MAX_REQUESTS = 10_000;
/** Delivered and not acknowledged, over all clients; the server's own default of 1,000 would stop 63 workers of 16 rows. */
const MAX_UNACKED = 20_000;
const COLLECT_ACK_WAIT_MS = 10_000;

export const WORKERS = "w";
export const COLLECTOR = "c";

/**
 * 16 digits that name a model and the type of its weights in memory: only workers with the same answer its requests.
 * `fingerprint`: of the checkpoint's contents.
 */
export function queueModel(fingerprint: string, dtype: string): string {
  return createHash("sha256").update(`${fingerprint} ${dtype}`).digest("hex").slice(0, 16);
}

/** The name of a new job: 16 random digits. */
export function newJob(): string {
  return randomBytes(8).toString("hex");
}

export function isJob(text: unknown): text is string {
  return typeof text === "string" && /^[0-9a-f]{16}$/.test(text);
}

export function requestStream(model: string): StreamSpec {
  return {
    name: `LTS_REQ_${model}`,
    subjects: [`lts.req.${model}.>`],
    storage: "file",
    maxMessages: MAX_REQUESTS,
  };
}

export function answerStream(job: string): StreamSpec {
  return { name: `LTS_ANS_${job}`, subjects: [`lts.ans.${job}.>`], storage: "file" };
}

export function workerConsumer(ackWaitMs = ACK_WAIT_MS): ConsumerSpec {
  return { name: WORKERS, ackWaitMs, maxUnacked: MAX_UNACKED };
}

export const COLLECTOR_CONSUMER: ConsumerSpec = {
  name: COLLECTOR,
  ackWaitMs: COLLECT_ACK_WAIT_MS,
  maxUnacked: MAX_UNACKED,
};

export function requestSubject(model: string, job: string, line: number | "*"): string {
  return `lts.req.${model}.${job}.${line}`;
}

export function answerSubject(job: string, line: number): string {
  return `lts.ans.${job}.${line}`;
}

/** Job and line of a request's or an answer's subject; null if it has another form. */
export function placeOf(subject: string): { job: string; line: number } | null {
  const [, job, digits] = /^lts\.(?:req\.[0-9a-f]{16}|ans)\.([0-9a-f]{16})\.(\d{1,15})$/.exec(subject) ?? [];
  return job === undefined ? null : { job, line: Number(digits) };
}
