/** The request loop over made-up stages: random requests, cancellations, slow consumers and losses; every text is the one it gets alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as breathe } from "node:timers/promises";
import type { SequenceTokens } from "../../src/engine/engine.js";
import { StageLost } from "../../src/engine/pipeline/stage-link.js";
import { createRandom } from "../../src/generation/sampling/random.js";
import type { Forward, GenerationRequest } from "../../src/generation/scheduling/request.js";
import { FakeModel, VOCAB } from "./fake-model.js";
import { alone, newLoop, outcome, request } from "./loop-requests.js";

type Random = () => number;
const below = (random: Random, end: number) => Math.floor(random() * end);

/** Computes each batch at once and answers it later, in the order of the calls; now and then all that is on its way is lost. */
class FakeStages implements Forward {
  readonly depth: number;
  inFlight = 0;
  most = 0;
  losses = 0;
  #model = new FakeModel();
  #first = 0;
  #made = 0;
  #lost = false;
  #last: Promise<unknown> = Promise.resolve();
  readonly #random: Random;
  readonly #lossRate: number;

  constructor(depth: number, random: Random, lossRate: number) {
    this.depth = depth;
    this.#random = random;
    this.#lossRate = lossRate;
  }

  newSequence(): number {
    this.#model.newSequence();
    return this.#made++;
  }

  fork(source: number, length: number): number {
    if (this.#isGone(source)) return this.newSequence();
    this.#model.fork(source - this.#first, length);
    return this.#made++;
  }

  trim(sequence: number): void {
    if (!this.#isGone(sequence)) this.#model.trim(sequence - this.#first);
  }

  release(sequence: number): void {
    if (!this.#isGone(sequence)) this.#model.release(sequence - this.#first);
  }

  holds(sequence: number): boolean {
    return !this.#isGone(sequence);
  }

  async forward(batch: readonly SequenceTokens[], signal?: AbortSignal): Promise<Float32Array[]> {
    signal?.throwIfAborted();
    this.most = Math.max(this.most, ++this.inFlight);
    assert.ok(this.inFlight <= this.depth);
    try {
      if (this.#lost) throw new StageLost("still lost");
      for (const { sequence } of batch) assert.ok(!this.#isGone(sequence), "a sequence of an earlier epoch");
      const own = batch.map((item) => ({ ...item, sequence: item.sequence - this.#first }));
      const logits = await this.#model.forward(own);
      const before = this.#last;
      const turn = before.then(async () => {
        for (let n = below(this.#random, 4); n > 0; n--) await breathe();
      });
      this.#last = turn;
      if (this.#random() < this.#lossRate) this.#lost = true;
      await turn;
      if (this.#lost) throw new StageLost("lost on purpose");
      signal?.throwIfAborted();
      return logits;
    } finally {
      this.inFlight--;
    }
  }

  async recover(): Promise<void> {
    assert.equal(this.inFlight, 0);
    this.losses++;
    await breathe();
    this.#model = new FakeModel();
    this.#first = this.#made;
    this.#lost = false;
  }

  #isGone(sequence: number): boolean {
    return this.#lost || sequence < this.#first;
  }
}

function randomRequest(random: Random, header: readonly number[]): GenerationRequest {
  const own = Array.from({ length: 1 + below(random, random() < 0.2 ? 400 : 30) }, () => below(random, VOCAB - 1));
  const promptIds = random() < 0.5 ? [...header, ...own] : own;
  const stopIds = new Set(random() < 0.5 ? [VOCAB - 1] : []);
  const lookup = random() < 0.3 ? 4 : 0;
  const isDisposable = random() < 0.5;
  return request(promptIds, 1 + below(random, 60), { stopIds, lookup, isDisposable, isWatched: random() < 0.5 });
}

test("80 random runs over 1 to 4 stages", async () => {
  let losses = 0;
  for (let seed = 1; seed <= 80; seed++) {
    const random = createRandom(seed);
    const stages = new FakeStages(1 + below(random, 4), random, seed % 3 ? 0.06 : 0);
    const header = Array.from({ length: 20 + below(random, 300) }, () => below(random, VOCAB - 1));
    const requests = Array.from({ length: 1 + below(random, 14) }, () => randomRequest(random, header));
    const loop = newLoop(stages, {
      maxRequests: 1 + below(random, 9),
      maxPositions: 600 + below(random, 6000),
      stepMs: 5,
    });
    const runs = requests.map(async (one, i) => {
      for (let n = below(random, 30); n > 0; n--) await breathe();
      const scores: number[] = [];
      const from = below(random, one.promptIds.length);
      const score = { from, take: (index: number) => scores.push(index) };
      const isScored = i % 3 === 1;
      const control = new AbortController();
      const cancelAt = i % 5 === 4 ? below(random, 40) : Number.POSITIVE_INFINITY;
      let events = 0;
      const result = await outcome(loop.submit(isScored ? { ...one, score } : one, control.signal), async () => {
        if (random() < 0.1) for (let n = below(random, 60); n > 0; n--) await breathe();
        if (++events > cancelAt) control.abort();
      });
      const wanted = Array.from({ length: one.promptIds.length - from }, (_, at) => from + at);
      if (isScored && result.reason !== "abort") assert.deepEqual(scores, wanted, `seed ${seed}: scores of ${i}`);
      return result;
    });
    const outcomes = await Promise.all(runs);
    const texts = await alone(requests, () => new FakeModel());
    for (const [i, { ids, reason, error }] of outcomes.entries()) {
      assert.equal(error, null, `seed ${seed}: ${error?.stack}`);
      const text = texts[i]!;
      assert.deepEqual(ids, reason === "abort" ? text.slice(0, ids.length) : text, `seed ${seed}: text ${i}`);
    }
    loop.clear();
    assert.deepEqual([loop.counts.running, loop.counts.waiting, loop.counts.kept], [0, 0, 0], `seed ${seed}`);
    losses += stages.losses;
  }
  assert.ok(losses > 80, `${losses} losses`);
});
