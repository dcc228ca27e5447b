/**
 * The messages between a front (`serve --queue`) and the workers that run its requests, as JSON. A request goes through a
 * stream; what becomes of it comes back message by message. Believes nothing that it reads; does not know connections.
 */
import type { ErrorKind } from "../../error.js";
import { finiteOrText, withBias } from "../../generation/options/json-numbers.js";
import type { Completion, CompletionEvent, RequestOptions } from "../../index.js";

export const SERVICE_VERSION = 1;

/** What a worker runs. */
export interface ServiceRequest {
  /** How often the front has put it into the queue, from 1. */
  round: number;
  promptIds: number[];
  stopIds: number[];
  cacheSalt: string;
  client: string;
  /** The seed is one of them, so that a second run gives the same text. */
  options: RequestOptions;
}

/** What a front does not know of a completion. */
export type SentCompletion = Omit<Completion, "promptIds">;

/** What becomes of a request. `attempt` grows with every run; `n`: tokens of this run before this message. */
export type ServiceMessage = { attempt: number; n: number } & (
  | { kind: "events"; events: Exclude<CompletionEvent, { kind: "end" }>[] }
  | { kind: "end"; text: string; completion: SentCompletion }
  | { kind: "error"; error: { kind: ErrorKind; message: string } }
);

/** The front's answer to a message that wants one: whether anybody still waits for the request. */
export type ServiceReply = "wanted" | "gone";

/** Deliveries of one round at most, for attempts that grow over rounds. */
const DELIVERIES = 2 ** 20;

export function attemptOf(round: number, deliveryCount: number): number {
  return round * DELIVERIES + Math.min(deliveryCount, DELIVERIES - 1);
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** As JSON, in which infinities, which forbid tokens, are texts. */
export function encode(value: object): Uint8Array {
  return ENCODER.encode(JSON.stringify({ v: SERVICE_VERSION, ...value }, finiteOrText));
}

function decode(data: Uint8Array): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(DECODER.decode(data));
    return isObject(value) && value.v === SERVICE_VERSION ? value : null;
  } catch {
    return null;
  }
}

/** The request of a front; null for anything else. Its options are checked where they are used. */
export function readServiceRequest(data: Uint8Array): ServiceRequest | null {
  const value = decode(data);
  if (!value) return null;
  const { round, promptIds, stopIds, cacheSalt, client, options } = value;
  if (!isCount(round) || !isIds(promptIds) || !isIds(stopIds) || !isObject(options)) return null;
  if (typeof cacheSalt !== "string" || typeof client !== "string") return null;
  return { round, promptIds, stopIds, cacheSalt, client, options: withBias(options) as RequestOptions };
}

/** What a worker says; null for anything else. */
export function readServiceMessage(data: Uint8Array): ServiceMessage | null {
  const value = decode(data);
  if (!value || !isCount(value.attempt) || !isCount(value.n)) return null;
  const { kind, events, text, completion, error } = value;
  if (kind === "events") return Array.isArray(events) && events.every(isEvent) ? (value as never) : null;
  if (kind === "end") return typeof text === "string" && isCompletion(completion) ? (value as never) : null;
  const isError =
    kind === "error" && isObject(error) && [error.kind, error.message].every((one) => typeof one === "string");
  return isError ? (value as never) : null;
}

function isEvent(event: unknown): boolean {
  if (!isObject(event)) return false;
  const { kind, id, text, done, total, reused, stepMs, position } = event;
  if (kind === "token") return isCount(id) && typeof text === "string";
  if (kind === "prefill") return [done, total, reused].every(isCount) && typeof stepMs === "number";
  return kind === "queued" && isCount(position);
}

function isCompletion(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { text, ids, finishReason, reusedTokens, timings, logprobs } = value;
  const isListed = logprobs === null || (Array.isArray(logprobs) && logprobs.every(isObject));
  return (
    [typeof text === "string", isIds(ids), typeof finishReason === "string"].every(Boolean) &&
    isCount(reusedTokens) &&
    isObject(timings) &&
    isListed
  );
}

function isIds(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isCount);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
