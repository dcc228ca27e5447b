/**
 * The messages between stages: a u32 with the length of the header, the header in JSON, the payload; all little-endian. Writes them and
 * reads them, and believes no number of them beyond the plan. Does not know sequences that exist, or links.
 */
import type { ErrorKind } from "../../error.js";
import { isObject } from "../../formats/files/json-value.js";
import type { SequenceSpan } from "../shared/messages.js";
import { type StagePlan, stageOf } from "./stage-plan.js";

const VERSION = 1;
/** Bytes of a header at most. */
export const MAX_HEADER = 64 << 10;
/** Actions that one message carries at most. */
export const MAX_ACTIONS = 256;
const MAX_TEXT = 2000;
const MAX_ID = Number.MAX_SAFE_INTEGER;
const ERROR_KINDS: readonly unknown[] = ["runtime", "usage", "model", "memory"] satisfies ErrorKind[];

/** What happens to KV caches before the message's own work, in this order. */
export type SequenceAction =
  | { kind: "fork"; source: number; sequence: number; length: number }
  | { kind: "trim"; sequence: number; positions: number }
  | { kind: "release"; sequence: number };

export type StageBody =
  /** Payload: ids [rows] to the first stage, h [rows, dim] between stages. Without spans it only carries actions. */
  | { kind: "step"; spans: SequenceSpan[] }
  /** Payload: keys and values of the layer, from the stage that holds it to node 0. */
  | { kind: "save"; sequence: number; layer: number; length: number }
  /** Payload: the same, from node 0 to the stage that holds it. */
  | { kind: "restore"; sequence: number; layer: number; length: number }
  /** A stage has failed for good. `expected`: the kind of an error that the user can act on. */
  | { kind: "failed"; problem: string; expected: ErrorKind | null };

/** A message without its payload. `k` counts the messages of an epoch from 0; every stage passes every message on. */
export interface StageHeader {
  epoch: number;
  k: number;
  actions: SequenceAction[];
  body: StageBody;
}

/** A part of a message. Only the first, of index 0, says what the message is. */
export interface StagePart {
  epoch: number;
  k: number;
  index: number;
  count: number;
  content: Pick<StageHeader, "actions" | "body"> | null;
  payload: Uint8Array;
}

/** A message that is not what the plan allows. It is dropped and reported, and nothing else happens. */
export class BadMessage extends Error {
  override readonly name = "BadMessage";
}

export function encodePart({ epoch, k, index, count, content, payload }: StagePart): Uint8Array {
  const head: Record<string, unknown> = { v: VERSION, e: epoch, k, part: [index, count] };
  if (content) Object.assign(head, encodeBody(content.body), { actions: content.actions.map(encodeAction) });
  const header = Buffer.from(JSON.stringify(head));
  if (header.length > MAX_HEADER) throw new RangeError(`a header of ${header.length} bytes`);
  const bytes = new Uint8Array(4 + header.length + payload.length);
  new DataView(bytes.buffer).setUint32(0, header.length, true);
  bytes.set(header, 4);
  bytes.set(payload, 4 + header.length);
  return bytes;
}

/** Throws BadMessage. The payload is a view of `bytes`; its size is not checked. */
export function decodePart(bytes: Uint8Array, plan: StagePlan): StagePart {
  if (bytes.length < 4) throw new BadMessage(`a message of ${bytes.length} bytes`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (length > MAX_HEADER || 4 + length > bytes.length) throw new BadMessage(`a header of ${length} bytes`);
  const head = parse(bytes.subarray(4, 4 + length));
  if (head.v !== VERSION) throw new BadMessage("another version of the messages");
  const [index, count] = numbers(head.part, "part", 2, MAX_ID) as [number, number];
  if (index >= count) throw new BadMessage(`part ${index} of ${count}`);
  const content = index === 0 ? { actions: decodeActions(head.actions, plan), body: decodeBody(head, plan) } : null;
  const [epoch, k] = numbers([head.e, head.k], "epoch and number", 2, MAX_ID) as [number, number];
  return { epoch, k, index, count, content, payload: bytes.subarray(4 + length) };
}

function encodeAction(action: SequenceAction): unknown[] {
  switch (action.kind) {
    case "fork":
      return ["fork", action.source, action.sequence, action.length];
    case "trim":
      return ["trim", action.sequence, action.positions];
    case "release":
      return ["release", action.sequence];
  }
}

function encodeBody(body: StageBody): Record<string, unknown> {
  if (body.kind !== "step") return { ...body };
  const spans = body.spans.map(({ sequence, position, count, promptLength }) =>
    promptLength === undefined ? [sequence, position, count] : [sequence, position, count, promptLength],
  );
  return { kind: "step", spans };
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  let head: unknown;
  try {
    head = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new BadMessage("a header that is not JSON");
  }
  if (!isObject(head)) throw new BadMessage("a header that is not an object");
  return head;
}

function decodeActions(value: unknown, plan: StagePlan): SequenceAction[] {
  return list(value, "actions", MAX_ACTIONS).map((item) => {
    const [kind, ...rest] = list(item, "action", 4);
    if (kind === "fork") {
      const [source, sequence, length] = numbers(rest, "fork", 3, MAX_ID) as [number, number, number];
      return { kind, source, sequence, length: atMost(length, plan.maxSeqLen, "fork") };
    }
    if (kind === "trim") {
      const [sequence, positions] = numbers(rest, "trim", 2, MAX_ID) as [number, number];
      return { kind, sequence, positions };
    }
    if (kind !== "release") throw new BadMessage("an unknown action");
    return { kind, sequence: numbers(rest, "release", 1, MAX_ID)[0]! };
  });
}

function decodeBody(head: Record<string, unknown>, plan: StagePlan): StageBody {
  const { kind } = head;
  if (kind === "step") return { kind, spans: decodeSpans(head.spans, plan) };
  if (kind === "save" || kind === "restore") {
    const values = numbers([head.sequence, head.layer, head.length], kind, 3, MAX_ID);
    const [sequence, layer, length] = values as [number, number, number];
    if (stageOf(plan, layer) < 0) throw new BadMessage(`layer ${layer}`);
    return { kind, sequence, layer, length: atMost(length, plan.maxSeqLen, kind) };
  }
  if (kind !== "failed") throw new BadMessage("an unknown kind of message");
  const { problem, expected = null } = head;
  if (typeof problem !== "string") throw new BadMessage("a failure without a text");
  if (expected !== null && !ERROR_KINDS.includes(expected)) throw new BadMessage("an unknown kind of error");
  return { kind, problem: problem.slice(0, MAX_TEXT), expected: expected as ErrorKind | null };
}

function decodeSpans(value: unknown, plan: StagePlan): SequenceSpan[] {
  let rows = 0;
  return list(value, "spans", plan.maxRows).map((item) => {
    const size = Array.isArray(item) && item.length === 4 ? 4 : 3;
    const values = numbers(item, "span", size, MAX_ID) as [number, number, number, number?];
    const [sequence, position, count, promptLength] = values;
    rows += atMost(count, plan.maxRows, "span");
    if (count === 0 || rows > plan.maxRows) throw new BadMessage(`a step of ${rows} rows`);
    atMost(position + count, plan.maxSeqLen, "span");
    if (promptLength === undefined) return { sequence, position, count };
    return { sequence, position, count, promptLength: atMost(promptLength, plan.maxSeqLen, "prompt") };
  });
}

function list(value: unknown, what: string, most: number): unknown[] {
  if (!Array.isArray(value) || value.length > most) throw new BadMessage(`${what} that are no list of at most ${most}`);
  return value;
}

/** Whole numbers from 0 to `most`. */
function numbers(value: unknown, what: string, count: number, most: number): number[] {
  const isRight = (item: unknown) => Number.isSafeInteger(item) && (item as number) >= 0 && (item as number) <= most;
  if (!Array.isArray(value) || value.length !== count || !value.every(isRight)) {
    throw new BadMessage(`${what}: not ${count} whole numbers`);
  }
  return value;
}

function atMost(value: number, most: number, what: string): number {
  if (value > most) throw new BadMessage(`${what}: ${value}, more than ${most}`);
  return value;
}
