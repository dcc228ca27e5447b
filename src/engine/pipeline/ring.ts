/** Node 0's end of the ring in one epoch: numbers the messages, and gives each its answer when it has come round. Does not cut batches. */
import { LlamaError } from "../../error.js";
import { StallWatch } from "../host/stall-watch.js";
import { cutMessage, PartJoiner, type StageMessage } from "./message-parts.js";
import { type Epoch, StageLost } from "./stage-link.js";
import { BadMessage, MAX_ACTIONS, type SequenceAction, type StageBody, type StageHeader } from "./stage-message.js";
import type { StagePlan } from "./stage-plan.js";
import type { StageRunner } from "./stage-runner.js";

/** A message that is on its way. */
interface Trip extends Pick<StageHeader, "actions" | "body"> {
  logitRows: readonly number[];
  signal: AbortSignal | undefined;
  resolve: (payload: Uint8Array) => void;
  reject: (error: unknown) => void;
}

export interface RingEvents {
  /** The epoch is over: with StageLost another may follow, after any other error none. */
  onEnd(error: Error): void;
  /** A message was dropped, and why. */
  onRefused(reason: string): void;
}

export class Ring {
  readonly #plan: StagePlan;
  readonly #epoch: Epoch;
  /** Of the last stage. */
  readonly #runner: StageRunner;
  readonly #events: RingEvents;
  readonly #joiner: PartJoiner;
  /** In the order in which they will come. */
  readonly #trips: Trip[] = [];
  /** Sequences that the stages have. */
  readonly #sequences = new Set<number>();
  /** For the next message. */
  #actions: SequenceAction[] = [];
  #k = 0;
  #end: Error | null = null;
  /** Parts that have come. */
  #received = 0;
  /** Runs while something is on its way. */
  readonly #watch: StallWatch;

  /** The epoch ends if nothing comes for `timeoutMs` while something is on its way; 0: never. */
  constructor(plan: StagePlan, epoch: Epoch, runner: StageRunner, events: RingEvents, timeoutMs: number) {
    this.#plan = plan;
    this.#epoch = epoch;
    this.#runner = runner;
    this.#events = events;
    this.#joiner = new PartJoiner(plan, plan.stages.length - 1, epoch.number, (header) => this.#check(header));
    const progress = () => this.#received;
    this.#watch = new StallWatch(progress, timeoutMs, () => this.end(new StageLost(silence(timeoutMs))));
    epoch.link.listen({ message: (bytes) => this.#receive(bytes), failed: (error) => this.end(error) });
  }

  holds(sequence: number): boolean {
    return this.#sequences.has(sequence);
  }

  /** Goes with the next message, or alone if none follows at once. Of a sequence that no stage has, nothing need be done. */
  act(action: SequenceAction): void {
    if (this.#end || !this.#sequences.has(action.kind === "fork" ? action.source : action.sequence)) return;
    if (action.kind === "fork") this.#sequences.add(action.sequence);
    if (action.kind === "release") this.#sequences.delete(action.sequence);
    this.#actions.push(action);
    if (this.#actions.length === MAX_ACTIONS) this.#flush();
    else if (this.#actions.length === 1) setImmediate(() => this.#flush());
  }

  /** Sends a message round; resolves with what the last stage makes of it. Throws what ended the epoch, or the signal's reason. */
  send(
    body: StageBody,
    payload: Uint8Array,
    logitRows: readonly number[] = [],
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#end) throw this.#end;
      this.#note(body);
      const actions = this.#actions;
      this.#actions = [];
      if (this.#trips.length === 0) this.#watch.start();
      this.#trips.push({ actions, body, logitRows, signal, resolve, reject });
      const message = { epoch: this.#epoch.number, k: this.#k++, actions, body, payload };
      for (const part of cutMessage(message, this.#plan, 0, this.#epoch.link.maxMessage)) this.#epoch.link.send(part);
    });
  }

  /** Rejects all that is on its way. */
  end(error: Error): void {
    if (this.#end) return;
    this.#end = error;
    this.#watch.stop();
    this.#epoch.link.close();
    this.#sequences.clear();
    for (const { reject } of this.#trips.splice(0)) reject(error);
    this.#events.onEnd(error);
  }

  #flush(): void {
    if (this.#end || this.#actions.length === 0) return;
    this.send({ kind: "step", spans: [] }, new Uint8Array(0)).catch(() => undefined);
  }

  /** Notes the sequences of a message. Throws RangeError for one that does not exist, before the stages refuse the message. */
  #note(body: StageBody): void {
    const use = (sequence: number, isNew: boolean) => {
      if (!isNew && !this.#sequences.has(sequence)) throw new RangeError(`sequence ${sequence} does not exist`);
      this.#sequences.add(sequence);
    };
    if (body.kind === "step") for (const { sequence, position } of body.spans) use(sequence, position === 0);
    else if (body.kind !== "failed") use(body.sequence, body.kind === "restore");
  }

  /** What comes back must be what was sent. */
  #check({ body }: StageHeader): void {
    const trip = this.#trips[0];
    if (trip && (body.kind === "failed" || JSON.stringify(body) === JSON.stringify(trip.body))) return;
    throw new BadMessage("a message that node 0 has not sent");
  }

  #receive(bytes: Uint8Array): void {
    this.#received++;
    try {
      const message = this.#joiner.push(bytes);
      if (message) this.#arrived(message);
    } catch (error) {
      if (error instanceof BadMessage) this.#events.onRefused(error.message);
      else if (error instanceof StageLost) this.end(error);
      else throw error;
    }
  }

  #arrived({ body, payload }: StageMessage): void {
    if (body.kind === "failed") {
      const { problem, expected } = body;
      this.end(expected ? new LlamaError(expected, problem) : new StageLost(problem));
      return;
    }
    const trip = this.#trips.shift()!;
    if (this.#trips.length === 0) this.#watch.stop();
    this.#runner.run(trip, payload, trip.logitRows, trip.signal).then(trip.resolve, (error) => {
      trip.reject(this.#end ?? error);
      if (!this.#end && !trip.signal?.aborted) this.end(error);
    });
  }
}

function silence(milliseconds: number): string {
  return `no stage made progress for ${Math.round(milliseconds / 1000)} s`;
}
