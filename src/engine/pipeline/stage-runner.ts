/** One stage's own work: runs messages on its engine in their order, by the group's numbers of sequences. Does not know links or epochs. */
import type { Engine } from "../engine.js";
import type { SequenceAction, StageHeader } from "./stage-message.js";

/** What a stage does with its time. */
export interface StageTimes {
  /** Steps and their tokens. */
  steps: number;
  rows: number;
  /** Milliseconds in the engine, and between two steps. */
  computing: number;
  waiting: number;
}

type Work = Pick<StageHeader, "actions" | "body">;

export class StageRunner {
  readonly times: StageTimes = { steps: 0, rows: 0, computing: 0, waiting: 0 };
  readonly #engine: Engine;
  readonly #stage: number;
  /** The engine's number of each of the group's sequences. */
  readonly #sequences = new Map<number, number>();
  #turn: Promise<unknown> = Promise.resolve();
  /** Of the messages that run or wait. */
  readonly #stops = new Set<AbortController>();
  #idleSince: number | null = null;

  constructor(engine: Engine, stage: number) {
    this.#engine = engine;
    this.#stage = stage;
  }

  /** Sequences whose keys and values are here. */
  get sequences(): number {
    return this.#sequences.size;
  }

  /**
   * Runs a message after those before it. Returns the payload for the next stage: h, or the logits of `logitRows` from the last stage;
   * of saved keys and values those that are here; else what came. `signal` leaves out or stops its step. Throws what the engine
   * throws, and after reset() the reason of an abort.
   */
  run(work: Work, payload: Uint8Array, logitRows: readonly number[] = [], signal?: AbortSignal): Promise<Uint8Array> {
    const stop = new AbortController();
    this.#stops.add(stop);
    const abort = () => stop.abort(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
    const result = this.#turn.then(() => {
      // Only reset() takes the message out; KV caches follow the group's also where a step is left out.
      if (!this.#stops.has(stop)) throw stop.signal.reason;
      for (const action of work.actions) this.#act(action);
      return this.#run(work, payload, logitRows, stop.signal);
    });
    this.#turn = result.catch(() => undefined);
    return result.finally(() => {
      this.#stops.delete(stop);
      signal?.removeEventListener("abort", abort);
    });
  }

  /** Stops what runs, leaves out what waits, and drops all sequences. */
  reset(): void {
    for (const stop of this.#stops) stop.abort();
    this.#stops.clear();
    this.#idleSince = null;
    this.#turn = this.#turn.then(() => {
      for (const sequence of this.#sequences.values()) this.#engine.release(sequence);
      this.#sequences.clear();
    });
  }

  async #run(
    { body }: Work,
    payload: Uint8Array,
    logitRows: readonly number[],
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    switch (body.kind) {
      case "step": {
        if (body.spans.length === 0) return payload;
        const spans = body.spans.map((span) => ({ ...span, sequence: this.#own(span.sequence) }));
        const { buffer, byteOffset, byteLength } = payload;
        const input =
          this.#stage === 0
            ? new Int32Array(buffer, byteOffset, byteLength / 4)
            : new Float32Array(buffer, byteOffset, byteLength / 4);
        const start = performance.now();
        if (this.#idleSince !== null) this.times.waiting += start - this.#idleSince;
        const output = await this.#engine.step(input, spans, logitRows, signal);
        this.#idleSince = performance.now();
        this.times.computing += this.#idleSince - start;
        this.times.steps++;
        this.times.rows += spans.reduce((sum, { count }) => sum + count, 0);
        return new Uint8Array(output.buffer, output.byteOffset, output.byteLength);
      }
      case "save":
        return this.#holds(body.layer)
          ? this.#engine.saveLayer(this.#own(body.sequence), body.layer, body.length)
          : payload;
      case "restore":
        if (!this.#holds(body.layer)) return payload;
        this.#engine.restore(this.#own(body.sequence), body.layer, payload);
        return new Uint8Array(0);
      case "failed":
        return payload;
    }
  }

  #act(action: SequenceAction): void {
    const { sequence } = action;
    if (action.kind === "fork") {
      this.#sequences.set(sequence, this.#engine.fork(this.#own(action.source), action.length));
    } else if (action.kind === "trim") this.#engine.trim(this.#own(sequence), action.positions);
    else {
      this.#engine.release(this.#own(sequence));
      this.#sequences.delete(sequence);
    }
  }

  #own(sequence: number): number {
    const known = this.#sequences.get(sequence);
    if (known !== undefined) return known;
    const own = this.#engine.newSequence();
    this.#sequences.set(sequence, own);
    return own;
  }

  #holds(layer: number): boolean {
    const { start, end } = this.#engine.layers;
    return layer >= start && layer < end;
  }
}
