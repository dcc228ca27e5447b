/** A process in a group: its connection, its rank and record in the group's bucket, its heartbeats. Does not know who leads. */
import { randomBytes } from "node:crypto";
import { LlamaError } from "../../error.js";
import type { Bucket, Net } from "../nats/net.js";
import { NoResponders } from "../nats/net-error.js";
import type { Beat, NodeState } from "./beat.js";
import { type EqualFacts, type NodeRecord, nodeName, readRecord, recordBytes } from "./node-record.js";
import { Pulse } from "./pulse.js";
import { bootSubject, bucketName, groupWord, nodeKey } from "./subjects.js";

export interface GroupOptions {
  /** Of the group; any text. */
  id: string;
  /** Hosts that work, and the most that may come. */
  nodes: { least: number; most: number };
  /** null: in order of arrival. */
  rank: number | null;
  host: string;
  equal: EqualFacts;
  facts: Readonly<Record<string, string>>;
  /** Time to wait for other hosts. */
  joinTimeoutMs: number;
  /** Silence after which a host is lost. */
  lostAfterMs: number;
  /** Losses of a stage that are survived. */
  maxRestarts: number;
  /** Gets a line for each event. */
  say: (line: string) => void;
  signal?: AbortSignal;
}

/** A number is chosen again this often when others take it at the same time. */
const TRIES = 100;

export class Member {
  readonly net: Net;
  bucket: Bucket;
  readonly options: GroupOptions;
  /** The group's name in subjects. */
  readonly group: string;
  readonly record: NodeRecord;
  /** Revision of the record: what was written later is of this group's time. */
  readonly revision: number;
  readonly pulse: Pulse;
  /** Sent with each beat. */
  readonly state: Omit<Beat, "rank" | "boot">;
  readonly #stop: (() => void)[] = [];

  private constructor(net: Net, bucket: Bucket, options: GroupOptions, record: NodeRecord, revision: number) {
    this.net = net;
    this.bucket = bucket;
    this.options = options;
    this.group = groupWord(options.id);
    this.record = record;
    this.revision = revision;
    const { rank, boot } = record;
    this.state = { epoch: 0, state: "joined", steps: 0 };
    this.pulse = new Pulse(net, this.group, () => ({ rank, boot, ...this.state }), options.lostAfterMs);
    this.#stop.push(answerTo(net, bootSubject(this.group, boot)));
    // A server that has lost its store has lost the record.
    const restore = () => void this.#restore().catch(() => {});
    this.#stop.push(net.onStatus((status) => status === "reconnected" && restore()));
  }

  /** Takes a rank. Throws LlamaError (usage) if another process that lives has it, or no rank is free. */
  static async join(net: Net, options: GroupOptions): Promise<Member> {
    const group = groupWord(options.id);
    const bucket = await net.bucket(bucketName(group));
    const { rank, nodes, host, equal, facts, signal } = options;
    const wanted = rank === null ? Array.from({ length: nodes.most }, (_, one) => one) : [rank];
    const boot = randomBytes(8).toString("hex");
    const living: NodeRecord[] = [];
    for (const one of wanted) {
      signal?.throwIfAborted();
      const record: NodeRecord = { rank: one, boot, host, equal, facts };
      const taken = await takeRank(net, bucket, group, record, options);
      if (typeof taken === "number") return new Member(net, bucket, options, record, taken);
      living.push(taken);
    }
    const [other] = living;
    if (rank !== null) {
      throw new LlamaError("usage", `another process is ${nodeName(other!)} of the group`, {
        where: `--rdzv_id ${options.id}`,
        fix: "Give each host its own --node_rank and each group its own --rdzv_id",
      });
    }
    throw new LlamaError("usage", "the group is full", {
      where: `--rdzv_id ${options.id}`,
      found: `${living.length} hosts`,
      fix: "Give each group its own --rdzv_id",
    });
  }

  /** Changes what the beats say, and sends one. */
  become(state: NodeState, more: Partial<Omit<Beat, "rank" | "boot" | "state">> = {}): void {
    delete this.state.reason;
    delete this.state.kind;
    Object.assign(this.state, { state }, more);
    this.pulse.send();
  }

  /** Asks a process whether it lives; one that does not, whose connection the server has seen end, counts as lost at once. */
  async ask(boot: string): Promise<void> {
    const { net, pulse, group, options } = this;
    const isThere = await isAlive(net, bootSubject(group, boot), options.lostAfterMs).catch(() => true);
    if (!isThere) pulse.end(boot);
  }

  /** Leaves the group. */
  async close(): Promise<void> {
    this.become("ended");
    this.pulse.close();
    for (const stop of this.#stop) stop();
    if (!this.net.isConnected) return;
    await Promise.race([this.net.flush().catch(() => {}), new Promise((done) => setTimeout(done, 500))]);
  }

  async #restore(): Promise<void> {
    this.bucket = await this.net.bucket(bucketName(this.group));
    const key = nodeKey(this.record.rank);
    if ((await this.bucket.get(key)) === null) await this.bucket.create(key, recordBytes(this.record));
  }
}

/** Returns the revision of the own record, or the record of a process that lives and has the rank. */
async function takeRank(
  net: Net,
  bucket: Bucket,
  group: string,
  record: NodeRecord,
  { lostAfterMs }: GroupOptions,
): Promise<number | NodeRecord> {
  const key = nodeKey(record.rank);
  for (let i = 0; i < TRIES; i++) {
    const created = await bucket.create(key, recordBytes(record));
    if (created !== null) return created;
    const entry = await bucket.get(key);
    if (entry === null) continue;
    const other = readRecord(entry.data);
    if (other !== null && (await isAlive(net, bootSubject(group, other.boot), lostAfterMs))) return other;
    const updated = await bucket.update(key, recordBytes(record), entry.revision);
    if (updated !== null) return updated;
  }
  throw new LlamaError("runtime", "the record of this host cannot be written", { where: key });
}

/** Whether the process of a subject answers. A killed one has no listener any more, which the server says at once. */
async function isAlive(net: Net, subject: string, timeoutMs: number): Promise<boolean> {
  try {
    await net.request(subject, new Uint8Array([1]), timeoutMs);
    return true;
  } catch (error) {
    if (error instanceof NoResponders) return false;
    if (error instanceof LlamaError && net.isConnected) return false;
    throw error;
  }
}

/** Answers all messages to a subject; returns the function that ends it. */
function answerTo(net: Net, subject: string): () => void {
  const questions = net.subscribe(subject);
  const answer = async () => {
    for await (const question of questions) question.respond(new Uint8Array([1]));
  };
  void answer().catch(() => {});
  return () => questions.close();
}
