/** The plan of a group: which host holds which layers in which epoch, or how the group has ended. Does not know what a layer is. */
import { type ErrorKind, LlamaError } from "../../error.js";
import { type JsonObject, object, text, texts, wholeNumber } from "./read-json.js";

const MAX_STAGES = 1024;
const KINDS: readonly ErrorKind[] = ["runtime", "usage", "model", "memory"];

/** A place in the ring. Node 0 has the last one. */
export interface StagePlace {
  rank: number;
  boot: string;
  /** Its layers: from the first to the one before `to`. */
  from: number;
  to: number;
}

export interface Plan {
  /** Grows with each plan of a group; 0: before the first. */
  epoch: number;
  /** The process of node 0. */
  leader: string;
  stages: readonly StagePlace[];
  /** What node 0 has decided for all. */
  settings: Readonly<Record<string, string>>;
  /** Set when the group has ended: null for a good end. */
  over?: { error: { kind: ErrorKind; message: string } | null };
}

/** A plan from JSON; null if it is not one. */
export function readPlan(json: JsonObject | null): Plan | null {
  if (json === null || !Array.isArray(json.stages) || json.stages.length > MAX_STAGES) return null;
  const epoch = wholeNumber(json.epoch, 0, Number.MAX_SAFE_INTEGER);
  const [leader, settings] = [text(json.leader), texts(json.settings)];
  const stages = json.stages.map(readPlace);
  if (epoch === null || !leader || settings === null || stages.includes(null)) return null;
  const plan = { epoch, leader, settings, stages: stages as StagePlace[] };
  if (json.over === undefined) return plan;
  const over = object(json.over);
  if (over === null) return null;
  if (over.error === null) return { ...plan, over: { error: null } };
  const error = object(over.error);
  const [kind, message] = [text(error?.kind), text(error?.message)];
  if (message === null || !KINDS.includes(kind as ErrorKind)) return null;
  return { ...plan, over: { error: { kind: kind as ErrorKind, message } } };
}

function readPlace(value: unknown): StagePlace | null {
  const json = object(value);
  const [rank, boot] = [wholeNumber(json?.rank, 0, 1e6), text(json?.boot)];
  const from = wholeNumber(json?.from, 0, 1e6);
  const to = wholeNumber(json?.to, 0, 1e6);
  return rank === null || !boot || from === null || to === null || to <= from ? null : { rank, boot, from, to };
}

/** The error by which a host ends when node 0 has ended with it; null for a good end. */
export function overError({ over }: Plan): LlamaError | null {
  return over?.error ? new LlamaError(over.error.kind, `node 0 has ended the group: ${over.error.message}`) : null;
}
