/**
 * Node 0's side of a group: waits for the hosts, compares them, plans who holds which layers, and makes a new epoch when one is
 * lost. Does not know what the layers compute.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { LlamaError } from "../../error.js";
import { Hosts } from "./hosts.js";
import type { Member } from "./member.js";
import { type NodeRecord, nodeName } from "./node-record.js";
import { type Plan, readPlan, type StagePlace } from "./plan.js";
import { BEAT_MS } from "./pulse.js";
import { parseJson } from "./read-json.js";
import { RingLink } from "./ring-link.js";
import { PLAN_KEY } from "./subjects.js";

/** Time for the others to hear of the end. */
const END_MS = 2000;
/** Between two tries to write the plan. */
const RETRY_MS = 500;

/** The layers of a host. */
export type Share = Pick<StagePlace, "from" | "to">;

export class Leader {
  readonly member: Member;
  readonly #hosts: Hosts;
  readonly #asError: (error: LlamaError) => LlamaError;
  #plan: Plan;
  /** Revision of the plan in the bucket; 0: there is no plan yet. */
  #revision = 0;
  #link: RingLink | null = null;
  #stopWatch: (() => void) | null = null;
  #restarts = 0;
  #hasEnded = false;

  /** `asError`: the class of error by which a link fails. */
  constructor(member: Member, asError: (error: LlamaError) => LlamaError = (error) => error) {
    this.member = member;
    this.#asError = asError;
    this.#hosts = new Hosts(member);
    this.#plan = { epoch: 0, leader: member.record.boot, stages: [], settings: {} };
    this.#tell();
  }

  get epoch(): number {
    return this.#plan.epoch;
  }

  /** Waits for all hosts; returns their records in the order of the ring, own last. Throws LlamaError if they differ or do not come. */
  async gather(): Promise<NodeRecord[]> {
    const { options, pulse, record } = this.member;
    const { least } = options.nodes;
    const come = () => {
      const able = this.#hosts.able.filter(({ rank }) => rank !== record.rank);
      const { refusal, count } = this.#hosts;
      if (refusal && count + 1 >= least) throw refusal;
      return able.length + 1 >= least ? able.slice(0, least - 1) : undefined;
    };
    const others = await pulse.until(come, options.joinTimeoutMs, options.signal);
    if (others) return [...others, record];
    throw new LlamaError("runtime", "the group is not complete", {
      where: `--rdzv_id ${options.id}`,
      expected: `${least} hosts within ${options.joinTimeoutMs / 1000} s`,
      found: `${this.#hosts.count + 1}`,
      fix: "Start the same line on the other hosts; join_timeout of --rdzv_conf sets a longer time",
    });
  }

  /** Gives each of the gathered hosts its layers, in the order of the ring. */
  assign(hosts: readonly NodeRecord[], shares: readonly Share[], settings: Plan["settings"]): void {
    const stages = hosts.map(({ rank, boot }, i) => ({ rank, boot, from: shares[i]!.from, to: shares[i]!.to }));
    this.#plan = { ...this.#plan, stages, settings };
  }

  /**
   * Begins the next epoch: fills the places of lost hosts, and waits until all are ready. Throws LlamaError if a place stays
   * empty, more hosts were lost than --max_restarts allows, or a host cannot load its layers.
   */
  async connect(): Promise<{ number: number; link: RingLink }> {
    const { pulse, options, net, group } = this.member;
    for (;;) {
      this.#drop();
      const stages = await this.#fill();
      await this.#write({ ...this.#plan, epoch: this.#plan.epoch + 1, stages });
      const { epoch } = this.#plan;
      const places = stages.length;
      const ring = { group, epoch, place: places - 1, places, lostAfterMs: options.lostAfterMs };
      const link = new RingLink(net, ring, this.#asError);
      this.#link = link;
      this.#tell();
      if (!(await pulse.until(() => this.#isReady(), undefined, options.signal))) continue;
      this.#stopWatch = pulse.onChange(() => this.#watch(link));
      options.say(`Epoch ${epoch}: ${stages.map((stage) => this.#shown(stage)).join(", ")}.`);
      return { number: epoch, link };
    }
  }

  /** Ends the group: all others end too, with the error if there is one. */
  async end(error: LlamaError | null): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#drop();
    const over = { error: error && { kind: error.kind, message: error.message } };
    this.#plan = { ...this.#plan, epoch: this.#plan.epoch + 1, over };
    this.#tell();
    const { pulse, net } = this.member;
    try {
      if (net.isConnected) {
        const written = this.#write(this.#plan).catch(() => {});
        await Promise.race([written, sleep(END_MS, undefined, { ref: false })]);
        await pulse.until(() => (pulse.alive.length === 0 ? true : undefined), END_MS);
      }
    } finally {
      this.#hosts.close();
      await this.member.close();
    }
  }

  /** The stages with a host that lives in each place. */
  async #fill(): Promise<StagePlace[]> {
    const { options, pulse, record } = this.member;
    const before = this.#plan.stages;
    const others = before.filter(({ boot }) => boot !== record.boot);
    if (this.#plan.epoch > 0) await Promise.all(others.map(({ boot }) => this.member.ask(boot)));
    let lost = before.filter((stage) => !this.#lives(stage));
    if (this.#plan.epoch > 0) for (const stage of lost) this.#count(stage);
    const filled = () => {
      const used = new Set(before.filter((stage) => this.#lives(stage)).map(({ boot }) => boot));
      const stages: StagePlace[] = [];
      for (const stage of before) {
        if (this.#lives(stage)) stages.push(stage);
        else {
          const free = this.#hosts.able.filter(({ boot, rank }) => !used.has(boot) && rank !== record.rank);
          const next = free.find(({ rank }) => rank === stage.rank) ?? free[0];
          if (!next) return undefined;
          used.add(next.boot);
          stages.push({ ...stage, rank: next.rank, boot: next.boot });
        }
      }
      return stages;
    };
    const stages = await pulse.until(filled, options.joinTimeoutMs, options.signal);
    if (!stages) {
      lost = before.filter((stage) => !this.#lives(stage));
      throw new LlamaError("runtime", "nobody has taken the place of a lost host", {
        where: lost.map((stage) => this.#shown(stage)).join(", "),
        expected: `a host within ${options.joinTimeoutMs / 1000} s`,
        found: "none",
      });
    }
    for (const [i, stage] of stages.entries()) {
      if (stage.boot !== before[i]!.boot) options.say(`Filled: ${this.#shown(stage)} takes its place.`);
    }
    return stages;
  }

  /** A loss that --max_restarts must allow. */
  #count(stage: StagePlace): void {
    const { options } = this.member;
    const beat = this.member.pulse.lastOf(stage.boot);
    const how =
      beat?.state === "failed" || beat?.state === "ended"
        ? (beat.reason ?? "it has ended")
        : "its process has ended, or no heartbeat came";
    options.say(`Lost: ${this.#shown(stage)}: ${how}.`);
    if (++this.#restarts <= options.maxRestarts) return;
    throw new LlamaError("runtime", `a host was lost at ${new Date().toTimeString().slice(0, 8)}: ${how}`, {
      where: this.#shown(stage),
      fix: `--max_restarts ${options.maxRestarts} allows no other to take its place`,
    });
  }

  #lives({ boot }: StagePlace): boolean {
    if (boot === this.member.record.boot) return true;
    const beat = this.member.pulse.of(boot);
    return beat !== null && beat.state !== "failed";
  }

  /** true: all are ready; false: this epoch cannot begin. Throws LlamaError if a host cannot load what it should. */
  #isReady(): boolean | undefined {
    const { epoch, stages } = this.#plan;
    let ready = true;
    for (const stage of stages) {
      if (stage.boot === this.member.record.boot) continue;
      const last = this.member.pulse.lastOf(stage.boot);
      if (last?.state === "failed" && last.kind !== undefined && last.kind !== "runtime") {
        throw new LlamaError(last.kind, last.reason ?? "it has failed", { where: this.#shown(stage) });
      }
      if (!this.#lives(stage)) return false;
      if (last!.epoch === epoch && last!.state === "broken") return false;
      ready &&= last!.epoch === epoch && last!.state === "ready";
    }
    return ready && this.member.net.isConnected ? true : undefined;
  }

  /** Ends an epoch in which a host is lost or its link has failed. */
  #watch(link: RingLink): void {
    const { epoch, stages } = this.#plan;
    for (const stage of stages) {
      if (stage.boot === this.member.record.boot) continue;
      const last = this.member.pulse.lastOf(stage.boot);
      if (this.#lives(stage) && last?.state === "ready" && last.epoch === epoch) continue;
      const problem = last?.state === "broken" ? (last.reason ?? "its link has failed") : "the host is lost";
      link.fail(new LlamaError("runtime", problem, { where: this.#shown(stage) }));
      return;
    }
  }

  #drop(): void {
    this.#stopWatch?.();
    this.#stopWatch = null;
    this.#link?.close();
    this.#link = null;
  }

  /** Writes the plan after the last revision: of two that think they are node 0, one fails. */
  async #write(plan: Plan): Promise<void> {
    const { pulse, options } = this.member;
    for (const end = pulse.ticks + options.joinTimeoutMs / BEAT_MS; ; ) {
      try {
        this.#plan = await this.#tryWrite(plan);
        return;
      } catch (error) {
        // The server may just be starting again.
        const isLasting = !(error instanceof LlamaError) || error.kind !== "runtime" || pulse.ticks > end;
        if (isLasting || this.#hasEnded || options.signal?.aborted) throw error;
        await pulse.until(() => undefined, RETRY_MS, options.signal);
      }
    }
  }

  async #tryWrite(plan: Plan): Promise<Plan> {
    const { bucket, record, options } = this.member;
    const entry = await bucket.get(PLAN_KEY);
    const before = entry && readPlan(parseJson(entry.data));
    const isOurs = entry === null || this.#revision === entry.revision || this.#revision === 0;
    if (isOurs || before?.leader === record.boot) {
      // Epochs of an earlier group of the same name are over.
      const next = { ...plan, epoch: Math.max(plan.epoch, (before?.epoch ?? 0) + 1) };
      const bytes = new TextEncoder().encode(JSON.stringify(next));
      const revision = await (entry ? bucket.update(PLAN_KEY, bytes, entry.revision) : bucket.create(PLAN_KEY, bytes));
      if (revision !== null) {
        this.#revision = revision;
        return next;
      }
    }
    throw new LlamaError("usage", "another process leads the group", {
      where: `--rdzv_id ${options.id}`,
      fix: "Give each group its own --rdzv_id",
    });
  }

  #tell(): void {
    this.member.become("ready", { epoch: this.#plan.epoch, plan: this.#plan });
  }

  /** "node 1 (host1), layers 0 to 15" */
  #shown({ rank, boot, from, to }: StagePlace): string {
    const record = boot === this.member.record.boot ? this.member.record : this.#hosts.recordOf(boot);
    const name = record ? nodeName(record) : `node ${rank}`;
    return `${name}, ${to - from === 1 ? `layer ${from}` : `layers ${from} to ${to - 1}`}`;
  }
}
