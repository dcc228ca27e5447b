/** The names of a group on the server: its bucket and its subjects. Does not send anything. */
import { createHash } from "node:crypto";

/** The group's id as a word that subjects and buckets may have; another id never gives the same. */
export function groupWord(id: string): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(id)) return id;
  const hash = createHash("sha256").update(id).digest("hex").slice(0, 12);
  return `${id.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 40)}-${hash}`;
}

export const bucketName = (group: string) => `lts_g_${group}`;
export const nodeKey = (rank: number) => `node.${rank}`;
export const PLAN_KEY = "plan";

/** Heartbeats of all hosts. */
export const beatSubject = (group: string) => `lts.g.${group}.hb`;
/** Answered by one process as long as it lives. */
export const bootSubject = (group: string, boot: string) => `lts.g.${group}.ctl.${boot}`;
/** Messages to the stage at a place of an epoch's ring. */
export const stageSubject = (group: string, epoch: number, place: number) => `lts.g.${group}.${epoch}.s${place}`;
/** What the next stage answers to the one at a place. */
export const takenSubject = (group: string, epoch: number, place: number) => `lts.g.${group}.${epoch}.t${place}`;
