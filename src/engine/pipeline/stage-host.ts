/** A host that holds a stage and not node 0: takes messages from the stage before, runs them, and hands the results on. Knows no text, sampling or network. */
import { LlamaError } from "../../error.js";
import type { Engine } from "../engine.js";
import { cutMessage, leastMessage, PartJoiner, type StageMessage } from "./message-parts.js";
import { type Epoch, type StageLink, StageLost } from "./stage-link.js";
import { BadMessage, type StageBody, type StageHeader } from "./stage-message.js";
import type { StagePlan } from "./stage-plan.js";
import { StageRunner, type StageTimes } from "./stage-runner.js";
import { StageSequences } from "./stage-sequences.js";

/** What the owner of a stage hears. */
export interface StageEvents {
  /** The epoch is over; the next one begins with enter(). */
  onLost(error: StageLost): void;
  /** The stage's own engine has failed and does no more; node 0 hears of it. */
  onFailure(error: unknown): void;
  /** A message was dropped, and why. */
  onRefused(reason: string): void;
}

export interface HostTimes extends StageTimes {
  /** Bytes of messages. */
  received: number;
  sent: number;
  /** Sequences whose keys and values are here now. */
  sequences: number;
}

export class StageHost {
  readonly #plan: StagePlan;
  readonly #stage: number;
  readonly #events: StageEvents;
  readonly #runner: StageRunner;
  readonly #bytes = { received: 0, sent: 0 };
  #epoch: Epoch | null = null;
  #hasFailed = false;

  /** `engine` runs the layers of `plan.stages[stage]`. Messages count from the first enter() on. */
  constructor(engine: Engine, plan: StagePlan, stage: number, events: StageEvents) {
    this.#plan = plan;
    this.#stage = stage;
    this.#events = events;
    this.#runner = new StageRunner(engine, stage);
  }

  get times(): HostTimes {
    return { ...this.#runner.times, ...this.#bytes, sequences: this.#runner.sequences };
  }

  /** Drops all sequences, and what of the last epoch is not done; works for a new one from now on. Throws LlamaError for a link that is too narrow. */
  enter(epoch: Epoch): void {
    checkLink(epoch.link, this.#plan);
    this.leave();
    this.#epoch = epoch;
    const sequences = new StageSequences(this.#plan);
    const joiner = new PartJoiner(this.#plan, this.#stage, epoch.number, (header) => sequences.follow(header));
    epoch.link.listen({
      message: (bytes) => this.#receive(epoch, joiner, bytes),
      failed: (error) => this.#lose(epoch, error),
    });
  }

  /** Drops all sequences and takes no message any more. */
  leave(): void {
    this.#epoch?.link.close();
    this.#epoch = null;
    this.#runner.reset();
  }

  #receive(epoch: Epoch, joiner: PartJoiner, bytes: Uint8Array): void {
    if (this.#epoch !== epoch) return;
    this.#bytes.received += bytes.length;
    try {
      const message = joiner.push(bytes);
      if (message) void this.#work(epoch, message);
    } catch (error) {
      if (error instanceof BadMessage) this.#events.onRefused(error.message);
      else if (error instanceof StageLost) this.#lose(epoch, error);
      else throw error;
    }
  }

  /** Messages are sent on in the order in which they came, since they run one after another. */
  async #work(epoch: Epoch, message: StageMessage): Promise<void> {
    try {
      const payload = await this.#runner.run(message, message.payload);
      this.#send(epoch, message, message.body, payload);
    } catch (error) {
      if (this.#epoch !== epoch || this.#hasFailed) return;
      this.#hasFailed = true;
      const { start, end } = this.#plan.stages[this.#stage]!;
      const failure = failureOf(error, `layers ${start} to ${end - 1}`);
      this.#send(epoch, { ...message, actions: [] }, failure, new Uint8Array(0));
      this.leave();
      this.#events.onFailure(error);
    }
  }

  #send(epoch: Epoch, header: StageHeader, body: StageBody, payload: Uint8Array): void {
    if (this.#epoch !== epoch) return;
    const message = { ...header, body, payload };
    for (const part of cutMessage(message, this.#plan, this.#stage + 1, epoch.link.maxMessage)) {
      this.#bytes.sent += part.length;
      epoch.link.send(part);
    }
  }

  #lose(epoch: Epoch, error: StageLost): void {
    if (this.#epoch !== epoch) return;
    this.leave();
    this.#events.onLost(error);
  }
}

/** Throws LlamaError (usage) for a link whose messages hold less than a row. */
export function checkLink({ maxMessage }: StageLink, plan: StagePlan): void {
  const least = leastMessage(plan);
  if (maxMessage >= least) return;
  throw new LlamaError("usage", "the server's messages are too small for this model", {
    expected: `at least ${least} bytes`,
    found: String(maxMessage),
    fix: "Raise max_payload in the settings of nats-server",
  });
}

function failureOf(error: unknown, where: string): StageBody {
  const problem = error instanceof Error ? error.message : String(error);
  return { kind: "failed", problem: `${where}: ${problem}`, expected: error instanceof LlamaError ? error.kind : null };
}
