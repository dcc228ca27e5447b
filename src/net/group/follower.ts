/** A host's side of a group that another one leads: waits for plans, serves its stage in each epoch, ends with the group. Does not know what a stage computes. */
import { LlamaError } from "../../error.js";
import type { Beat } from "./beat.js";
import type { Member } from "./member.js";
import { overError, type Plan, readPlan, type StagePlace } from "./plan.js";
import { BEAT_MS } from "./pulse.js";
import { parseJson } from "./read-json.js";
import { RingLink } from "./ring-link.js";
import { PLAN_KEY } from "./subjects.js";

/** Ticks between two looks at the plan in the bucket while node 0 is silent. */
const LOOK_TICKS = 8;

/** What a stage does for its group. */
export interface StageWork {
  /** Loads the layers of a place; called again only for other layers. Throws LlamaError for what the user can mend. */
  load(place: StagePlace, plan: Plan, signal: AbortSignal): Promise<void>;
  /** Serves an epoch over its link until that fails or closes; nothing of the one before counts. */
  enter(epoch: { number: number; link: RingLink }): void;
  /** Steps that it has run. */
  readonly steps: number;
  /** Rejects when the stage cannot continue. */
  readonly failed: Promise<never>;
}

export class Follower {
  readonly member: Member;
  readonly #asError: (error: LlamaError) => LlamaError;
  #link: RingLink | null = null;
  /** Own tick at which node 0 was heard last. */
  #heardAt: number;
  /** The end of the group, as the bucket tells it. */
  #over: Plan | null = null;
  #isLooking = false;
  #isSpare = false;
  /** The process that leads. */
  #leader = "";

  constructor(member: Member, asError: (error: LlamaError) => LlamaError = (error) => error) {
    this.member = member;
    this.#asError = asError;
    this.#heardAt = member.pulse.ticks;
  }

  /** Serves until the group is over. Throws the error that node 0 has ended with, and LlamaError if there is no node 0 or it refuses this host. */
  async follow(work: StageWork): Promise<void> {
    const { member } = this;
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, ...(member.options.signal ? [member.options.signal] : [])]);
    let loaded = "";
    try {
      const failed = work.failed.catch((error) => this.#fail(error));
      failed.catch(() => {});
      member.pulse.onChange(() => {
        member.state.steps = work.steps;
      });
      for (;;) {
        const plan = await this.#until((one) => (this.#isNew(one) ? one : undefined));
        if (plan.over) return;
        this.#leader = plan.leader;
        this.#leave();
        const place = plan.stages.findIndex(({ boot }) => boot === member.record.boot);
        if (place < 0) {
          this.#wait(plan);
          continue;
        }
        const stage = plan.stages[place]!;
        const share = `${stage.from} ${stage.to} ${JSON.stringify(plan.settings)}`;
        member.become("loading", { epoch: plan.epoch });
        if (share !== loaded) {
          const loading = work.load(stage, plan, signal).catch((error) => this.#fail(error));
          // The group may end meanwhile.
          const end = this.#until((one) => (one.over ? one : undefined));
          end.catch(() => {});
          if (await Promise.race([loading, end])) return;
          loaded = share;
        }
        this.#enter(plan, place, work);
        await Promise.race([this.#epochEnd(plan), failed]);
      }
    } finally {
      stop.abort();
      this.#leave();
      await member.close();
    }
  }

  #enter(plan: Plan, place: number, work: StageWork): void {
    const { net, group, options } = this.member;
    const ring = { group, epoch: plan.epoch, place, places: plan.stages.length, lostAfterMs: options.lostAfterMs };
    const link = new RingLink(net, ring, this.#asError);
    this.#link = link;
    link.onFailure = (error) => {
      options.say(`Epoch ${plan.epoch}: ${error.message}.`);
      this.member.become("broken", { reason: error.message });
    };
    work.enter({ number: plan.epoch, link });
    const { from, to } = plan.stages[place]!;
    options.say(
      `Epoch ${plan.epoch}: ready with ${to - from === 1 ? `layer ${from}` : `layers ${from} to ${to - 1}`}.`,
    );
    this.#isSpare = false;
    this.member.become("ready", { epoch: plan.epoch });
  }

  /** Another process as node 0 may begin to count again. */
  #isNew({ epoch, leader, over }: Plan): boolean {
    return over !== undefined || (epoch > 0 && (leader !== this.#leader || epoch > this.member.state.epoch));
  }

  /** Resolves when there is a newer plan. */
  async #epochEnd({ epoch }: Plan): Promise<void> {
    const { options } = this.member;
    await this.#until((plan, leader) => {
      if (this.#isNew(plan)) return true;
      if (leader !== null || !this.#link) return undefined;
      // What comes now is of nobody; node 0 begins a new epoch when it is there again.
      options.say(`Epoch ${epoch}: node 0 is lost.`);
      this.#leave();
      this.member.become("joined");
      return undefined;
    });
  }

  /** Waits for a value that is made of node 0's plan. Throws if this host is refused, node 0 does not come, or another process has this rank. */
  #until<T>(check: (plan: Plan, leader: Beat | null) => T | undefined): Promise<T> {
    const { options, record, pulse, net } = this.member;
    let last: Plan | null = null;
    return pulse.until(
      () => {
        const leader = pulse.alive.find(({ rank, plan }) => rank === 0 && plan !== undefined) ?? null;
        // Without a connection nobody is heard, and nobody counts as silent.
        if (leader && net.isConnected) this.#heardAt = pulse.ticks;
        last = this.#over ?? leader?.plan ?? last;
        const refused = leader?.refused?.[record.boot];
        if (refused !== undefined) throw refusal(refused);
        const error = last && overError(last);
        if (error) throw error;
        const value = last && check(last, leader);
        if (value !== null && value !== undefined) return value;
        this.#askForEnd(pulse.ticks - this.#heardAt);
        if ((pulse.ticks - this.#heardAt) * BEAT_MS < options.joinTimeoutMs) return undefined;
        const problem = net.isConnected ? "node 0 does not come" : "the server of the group is not there";
        throw new LlamaError("runtime", problem, {
          where: `--rdzv_id ${options.id}`,
          expected: `a heartbeat within ${options.joinTimeoutMs / 1000} s`,
          found: "none",
          fix: "Start the same line on node 0; join_timeout of --rdzv_conf sets a longer time",
        });
      },
      undefined,
      options.signal,
    ) as Promise<T>;
  }

  /** Node 0 may have ended while it could not be heard: the bucket has its last word. */
  #askForEnd(silentTicks: number): void {
    const { net, bucket, revision } = this.member;
    if (silentTicks % LOOK_TICKS !== LOOK_TICKS - 1 || this.#isLooking || !net.isConnected) return;
    this.#isLooking = true;
    const look = async () => {
      const entry = await bucket.get(PLAN_KEY);
      const plan = entry && entry.revision > revision ? readPlan(parseJson(entry.data)) : null;
      if (plan?.over) this.#over = plan;
    };
    look()
      .catch(() => {})
      .finally(() => {
        this.#isLooking = false;
      });
  }

  /** This host is not in the plan: it waits as a spare. */
  #wait(plan: Plan): void {
    this.member.become("joined", { epoch: plan.epoch });
    if (plan.stages.length > 0 && !this.#isSpare) this.member.options.say("Waiting for a place.");
    this.#isSpare = plan.stages.length > 0;
  }

  #leave(): void {
    this.#link?.close();
    this.#link = null;
  }

  /** Tells node 0 why this host cannot continue, and throws it. */
  #fail(error: unknown): never {
    const { signal } = this.member.options;
    if (!signal?.aborted) {
      const kind = error instanceof LlamaError ? error.kind : "runtime";
      this.member.become("failed", { kind, reason: error instanceof Error ? error.message : String(error) });
    }
    throw error;
  }
}

/** `text`: the kind of the error, a blank, and the message. */
function refusal(text: string): LlamaError {
  const message = text.slice(text.indexOf(" ") + 1);
  return new LlamaError(text.startsWith("model ") ? "model" : "usage", `node 0 refuses this host: ${message}`);
}
