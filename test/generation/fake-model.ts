/** A made-up model whose logits depend on the whole prefix, so that a wrong KV cache or row shows at once; for tests of the loop. */
import assert from "node:assert/strict";
import type { SequenceTokens } from "../../src/engine/engine.js";
import { createRandom } from "../../src/generation/sampling/random.js";
import type { Forward } from "../../src/generation/scheduling/request.js";
import type { LoopLimits } from "../../src/generation/scheduling/request-limits.js";

export const VOCAB = 13;
export const STOP = 12;

export const LIMITS: LoopLimits = {
  maxRequests: 16,
  maxPositions: 1e6,
  maxKept: 1e6,
  maxQueue: 100,
  stepMs: 1e6,
  positionBytes: 1,
};

export class FakeModel implements Forward {
  readonly calls: (readonly SequenceTokens[])[] = [];
  /** The tokens in the KV cache of each sequence. */
  readonly caches = new Map<number, number[]>();
  /** Milliseconds a token takes. */
  tokenMs = 0;
  /** What forward() fails with. */
  failure: Error | null = null;
  #next = 0;

  newSequence(): number {
    this.caches.set(this.#next, []);
    return this.#next++;
  }

  fork(source: number, length: number): number {
    const sequence = this.newSequence();
    this.caches.set(sequence, this.caches.get(source)!.slice(0, length));
    return sequence;
  }

  trim(sequence: number): void {
    assert.ok(this.caches.has(sequence), "a sequence that is gone");
  }

  release(sequence: number): void {
    assert.ok(this.caches.delete(sequence), "released twice");
  }

  async forward(batch: readonly SequenceTokens[], signal?: AbortSignal): Promise<Float32Array[]> {
    signal?.throwIfAborted();
    if (this.failure) throw this.failure;
    this.calls.push(batch);
    const count = batch.reduce((sum, { tokens }) => sum + tokens.length, 0);
    if (this.tokenMs > 0) await pause(this.tokenMs * count, signal);
    return batch.map(({ sequence, position, tokens, logits }) => {
      const cache = this.caches.get(sequence)!;
      assert.ok(position <= cache.length, "a gap in the KV cache");
      cache.length = position;
      const rows = Array.from(tokens, (token) => {
        cache.push(token);
        return fakeLogits(cache);
      });
      return Float32Array.from((logits === "all" ? rows : logits === "last" ? rows.slice(-1) : []).flat());
    });
  }
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

/** Mostly repeats the token seven places before. */
function fakeLogits(prefix: readonly number[]): number[] {
  let hash = 1;
  for (const id of prefix) hash = Math.imul(hash ^ id, 0x01000193) >>> 0;
  const random = createRandom(hash);
  const logits = Array.from({ length: VOCAB }, () => random() * 3);
  if (random() < 0.95) logits[prefix.at(-7) ?? 0]! += 5;
  return logits;
}
