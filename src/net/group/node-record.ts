/** What a host says of itself when it joins a group: its record, the check of one that came over the network, and the comparison of two. */
import { type ErrorKind, LlamaError } from "../../error.js";
import { parseJson, text, texts, wholeNumber } from "./read-json.js";

/** Version of all messages between the hosts of a group. */
export const GROUP_PROTOCOL = 1;

/** What must be the same on all hosts, by the names that a refusal shows. */
export type EqualFacts = Readonly<Record<string, string>>;

export interface NodeRecord {
  rank: number;
  /** Names one process: another one of the same rank has another. */
  boot: string;
  host: string;
  equal: EqualFacts;
  /** What the cut of the layers is made of, and what may differ. */
  facts: Readonly<Record<string, string>>;
}

/** A record from its bytes; null if it is not one. */
export function readRecord(data: Uint8Array): NodeRecord | null {
  const json = parseJson(data);
  if (json === null) return null;
  const [rank, boot, host] = [wholeNumber(json.rank, 0, 1e6), text(json.boot), text(json.host)];
  const [equal, facts] = [texts(json.equal), texts(json.facts)];
  if (rank === null || !boot || host === null || equal === null || facts === null) return null;
  return { rank, boot, host, equal, facts };
}

export function recordBytes(record: NodeRecord): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(record));
}

/** "node 1 (host1)" */
export function nodeName({ rank, host }: Pick<NodeRecord, "rank" | "host">): string {
  return `node ${rank} (${host})`;
}

/** The first difference of a host to node 0, with both values; null if they are alike. Weights that differ are the model's fault, all else is usage. */
export function differenceTo(first: NodeRecord, other: NodeRecord): LlamaError | null {
  const names = new Set([...Object.keys(first.equal), ...Object.keys(other.equal)]);
  for (const name of names) {
    const [expected, found] = [first.equal[name], other.equal[name]];
    if (expected === found) continue;
    const kind: ErrorKind = name === "fingerprint" ? "model" : "usage";
    return new LlamaError(kind, `the hosts do not have the same ${name}`, {
      where: nodeName(other),
      expected: `${shown(expected)} as ${nodeName(first)}`,
      found: shown(found),
      fix: FIXES[name] ?? "Start all hosts with the same line",
    });
  }
  return null;
}

const FIXES: Readonly<Record<string, string>> = {
  fingerprint: "Give every host the same files",
  version: "Install the same version on every host",
  protocol: "Install the same version on every host",
  runtime: "Install the same version on every host",
};

function shown(value: string | undefined): string {
  if (value === undefined) return "nothing";
  return value.length > 20 && /^[0-9a-f]+$/.test(value) ? `${value.slice(0, 16)}...` : value;
}
