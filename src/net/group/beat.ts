/** A heartbeat: what a host of a group says of itself four times a second. Does not send it. */
import type { ErrorKind } from "../../error.js";
import { type Plan, readPlan } from "./plan.js";
import { object, parseJson, text, texts, wholeNumber } from "./read-json.js";

/** joined: waits for a plan; loading and ready: in the epoch; broken: its link has failed; failed: it cannot continue; ended: it leaves. */
export type NodeState = "joined" | "loading" | "ready" | "broken" | "failed" | "ended";
const STATES: readonly NodeState[] = ["joined", "loading", "ready", "broken", "failed", "ended"];

export interface Beat {
  rank: number;
  boot: string;
  /** The newest epoch it knows. */
  epoch: number;
  state: NodeState;
  /** Steps that it has run. */
  steps: number;
  /** Why it is broken or failed. */
  reason?: string;
  /** Kind of the failure. */
  kind?: ErrorKind;
  /** Of node 0 alone: the plan, and why hosts are not taken, by boot. */
  plan?: Plan;
  refused?: Readonly<Record<string, string>>;
}

export function beatBytes(beat: Beat): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(beat));
}

/** A beat from its bytes; null if it is not one. */
export function readBeat(data: Uint8Array): Beat | null {
  const json = parseJson(data);
  if (json === null) return null;
  const [rank, boot] = [wholeNumber(json.rank, 0, 1e6), text(json.boot)];
  const epoch = wholeNumber(json.epoch, 0, Number.MAX_SAFE_INTEGER);
  const steps = wholeNumber(json.steps, 0, Number.MAX_SAFE_INTEGER);
  const state = STATES.find((one) => one === json.state);
  if (rank === null || !boot || epoch === null || steps === null || state === undefined) return null;
  const plan = json.plan === undefined ? undefined : readPlan(object(json.plan));
  const refused = json.refused === undefined ? undefined : texts(json.refused);
  if (plan === null || refused === null) return null;
  const [reason, kind] = [text(json.reason), text(json.kind)];
  return {
    ...{ rank, boot, epoch, steps, state },
    ...(reason !== null && { reason }),
    ...(kind !== null && ["runtime", "usage", "model", "memory"].includes(kind) && { kind: kind as ErrorKind }),
    ...(plan && { plan }),
    ...(refused && { refused }),
  };
}
