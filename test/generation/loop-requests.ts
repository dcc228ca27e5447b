/** Requests for tests of the request loop: made, run alone or together, and watched on their way to the engine. */
import assert from "node:assert/strict";
import type { Engine, SequenceTokens } from "../../src/engine/engine.js";
import type { FinishReason } from "../../src/generation/sampling/options.js";
import { createSampler } from "../../src/generation/sampling/sampler.js";
import type { Forward, GenerationRequest, RequestEvent } from "../../src/generation/scheduling/request.js";
import type { LoopLimits } from "../../src/generation/scheduling/request-limits.js";
import { RequestLoop } from "../../src/generation/scheduling/request-loop.js";
import { LIMITS } from "./fake-model.js";

/** Passes everything on and notes it. */
export class Watched implements Forward {
  readonly #engine: Engine;
  readonly steps: (readonly SequenceTokens[])[] = [];
  readonly open = new Set<number>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  newSequence(): number {
    return this.#opened(this.#engine.newSequence());
  }

  fork(source: number, length: number): number {
    assert.ok(this.open.has(source), "a copy of a sequence that is gone");
    return this.#opened(this.#engine.fork(source, length));
  }

  trim(sequence: number, positions: number): void {
    assert.ok(this.open.has(sequence));
    this.#engine.trim(sequence, positions);
  }

  release(sequence: number): void {
    assert.ok(this.open.delete(sequence), "released twice");
    this.#engine.release(sequence);
  }

  forward(batch: readonly SequenceTokens[], signal?: AbortSignal): Promise<Float32Array[]> {
    this.steps.push(batch);
    return this.#engine.forward(batch, signal);
  }

  #opened(sequence: number): number {
    this.open.add(sequence);
    return sequence;
  }
}

export const greedy = createSampler({ topK: 0, minP: 0, temperature: 0, topP: 1 });

export function request(
  promptIds: number[],
  maxTokens: number,
  more: Partial<GenerationRequest> = {},
): GenerationRequest {
  const sample = (logits: Float32Array) => greedy(logits, Math.random);
  return { promptIds, maxTokens, sample, stopIds: new Set([2]), logprobs: false, isDisposable: true, ...more };
}

/** Words of stories, the same at every call. */
export function story(length: number, seed: number): number[] {
  const ids = Array.from({ length }, (_, i) => 260 + (((Math.imul(i + 1, 0x9e3779b1) + seed * 7919) >>> 0) % 1700));
  return [1, ...ids.slice(1)];
}

export function newLoop(forward: Forward, limits: Partial<LoopLimits> = {}): RequestLoop {
  return new RequestLoop(forward, { ...LIMITS, ...limits }, "fp32");
}

export interface Outcome {
  ids: number[];
  reason: FinishReason | null;
  error: Error | null;
}

export async function outcome(
  events: AsyncIterable<RequestEvent>,
  each?: (event: RequestEvent) => unknown,
): Promise<Outcome> {
  const ids: number[] = [];
  try {
    for await (const event of events) {
      await each?.(event);
      if (event.kind === "token") ids.push(event.id);
      if (event.kind === "end") return { ids, reason: event.reason, error: null };
    }
  } catch (error) {
    return { ids, reason: null, error: error as Error };
  }
  throw new Error("no end");
}

export const all = (loop: RequestLoop, requests: readonly GenerationRequest[]) =>
  Promise.all(requests.map((one) => outcome(loop.submit(one))));

/** The ids of each request when no other runs; `forward` gives the model of each. */
export async function alone(requests: readonly GenerationRequest[], forward: () => Forward): Promise<number[][]> {
  const texts: number[][] = [];
  for (const one of requests) texts.push((await outcome(newLoop(forward()).submit(one))).ids);
  return texts;
}

export const idsOf = (outcomes: readonly Outcome[]) => outcomes.map(({ ids }) => ids);
