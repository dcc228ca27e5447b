/** Speculation on a fake model whose logits depend on the whole prefix, so that a wrong cache or row is noticed at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SequenceTokens } from "../../src/engine/engine.js";
import { createRandom } from "../../src/generation/sampling/random.js";
import { createSampler } from "../../src/generation/sampling/sampler.js";
import { generateTokens } from "../../src/generation/scheduling/loop.js";
import type { Forward, GenerationRequest, TokenEvent } from "../../src/generation/scheduling/request.js";
import { GenerationStats } from "../../src/generation/scheduling/stats.js";
import { RowDrafts, Speculation } from "../../src/generation/speculation/speculation.js";
import { StepCost } from "../../src/generation/speculation/step-cost.js";

const VOCAB = 13;
const STOP = 12;

/** A model that mostly repeats the token seven positions before. */
class FakeModel implements Forward {
  readonly calls: (readonly SequenceTokens[])[] = [];
  readonly caches = new Map<number, number[]>();
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

  reserve(): void {}

  release(sequence: number): void {
    assert.ok(this.caches.delete(sequence));
  }

  async forward(batch: readonly SequenceTokens[], signal?: AbortSignal): Promise<Float32Array[]> {
    signal?.throwIfAborted();
    this.calls.push(batch);
    return batch.map(({ sequence, position, tokens, logits }) => {
      const cache = this.caches.get(sequence)!;
      assert.ok(position <= cache.length, "a gap in the cache");
      cache.length = position;
      const rows = Array.from(tokens, (token) => {
        cache.push(token);
        return fakeLogits(cache);
      });
      return Float32Array.from((logits === "all" ? rows : rows.slice(-1)).flat());
    });
  }
}

function fakeLogits(prefix: readonly number[]): number[] {
  let hash = 1;
  for (const id of prefix) hash = Math.imul(hash ^ id, 0x01000193) >>> 0;
  const random = createRandom(hash);
  const logits = Array.from({ length: VOCAB }, () => random() * 3);
  if (random() < 0.95) logits[prefix.at(-7) ?? 0]! += 5;
  return logits;
}

interface Setting {
  temperature?: number;
  maxTokens?: number;
  stop?: boolean;
  prompts?: number[][];
  /** Aborts after this many events. */
  abortAfter?: number;
}

const PROMPTS = [[1, 2, 3, 4, 5, 6, 7, 1, 2, 3], [8], [2, 4, 2, 4, 2, 4, 9]];

async function run(count: number | "auto", setting: Setting) {
  const { temperature = 0, maxTokens = 80, stop = false, prompts = PROMPTS, abortAfter } = setting;
  const sampler = createSampler({ topK: 0, minP: 0, temperature, topP: 0.95 });
  let draws = 0;
  const rows = prompts.map((promptIds, i): GenerationRequest => {
    const random = createRandom(i);
    const counted = () => {
      draws++;
      return random();
    };
    const stopIds = new Set(stop ? [STOP] : []);
    return { promptIds, maxTokens: maxTokens + i, sample: (l) => sampler(l, counted), stopIds, logprobs: true };
  });
  const model = new FakeModel();
  const stats = new GenerationStats();
  const controller = new AbortController();
  const speculation = count === 0 ? null : new Speculation(count, new StepCost("fp32"), true);
  const byRow: TokenEvent[][] = prompts.map(() => []);
  let events = 0;
  for await (const event of generateTokens(model, rows, stats, speculation, controller.signal)) {
    byRow[event.row]!.push(event);
    if (++events === abortAfter) controller.abort();
  }
  assert.equal(model.caches.size, 0, "sequences are released");
  const started = rows.filter((row) => row.maxTokens > 0);
  for (const { sequence, position, tokens } of model.calls.flat()) {
    const row = started[sequence]!;
    assert.ok(position + tokens.length < row.promptIds.length + row.maxTokens, "beyond the row's budget");
  }
  return { byRow, draws, steps: model.calls.length, stats, timings: stats.timings() };
}

const COUNTS = [1, 2, 7, 40, "auto"] as const;

for (const count of COUNTS) {
  test(`draft of ${count}: greedy and sampled rows are the same as without drafts`, async () => {
    for (const temperature of [0, 0.5, 1, 2]) {
      for (const prompts of [PROMPTS, ...PROMPTS.map((prompt) => [prompt])]) {
        for (const stop of [false, true]) {
          const setting = { temperature, prompts, stop };
          const plain = await run(0, setting);
          const drafted = await run(count, setting);
          assert.deepEqual(drafted.byRow, plain.byRow);
          assert.equal(drafted.draws, plain.draws);
          assert.ok(drafted.steps <= plain.steps);
        }
      }
    }
  });

  test(`draft of ${count}: a text of any maximum length ends at that length`, async () => {
    for (let maxTokens = 0; maxTokens < 30; maxTokens++) {
      const plain = await run(0, { maxTokens });
      const drafted = await run(count, { maxTokens });
      assert.deepEqual(drafted.byRow, plain.byRow);
      assert.equal(drafted.byRow[0]!.length, maxTokens + 1);
    }
  });

  test(`draft of ${count}: after an abort, the step yields no further token of a row`, async () => {
    for (let abortAfter = 1; abortAfter < 40; abortAfter++) {
      const setting = { abortAfter, prompts: PROMPTS.slice(0, 1) };
      const { byRow } = await run(count, setting);
      const plain = await run(0, setting);
      assert.deepEqual(byRow, plain.byRow);
      assert.equal(byRow[0]!.length, abortAfter + 1);
      assert.deepEqual(byRow[0]!.at(-1), { row: 0, id: null, finishReason: "abort" });
    }
  });
}

test("a repeating text needs fewer steps, and the counts add up", async () => {
  for (const count of [7, "auto"] as const) {
    const setting = { maxTokens: 200, prompts: [PROMPTS[0]!] };
    const plain = await run(0, setting);
    const { steps, stats, timings } = await run(count, setting);
    assert.ok(steps < plain.steps / 2, `${steps} of ${plain.steps} steps`);
    assert.equal(stats.generatedTokens, plain.stats.generatedTokens);
    assert.ok(stats.acceptedTokens <= stats.draftTokens);
    assert.ok(timings.tokens_per_step! > 2);
    // Prefill yields the first token, and is a step too.
    assert.equal(stats.generatedTokens, steps + stats.acceptedTokens);
    assert.equal(plain.timings.tokens_per_step, 1);
    assert.equal(plain.timings.draft_tokens, 0);
  }
});

test("breaking out of the loop inside a step releases the sequences", async () => {
  const model = new FakeModel();
  const row = { promptIds: PROMPTS[0]!, maxTokens: 50, stopIds: new Set<number>(), logprobs: false };
  const sample = (logits: Float32Array) => logits.indexOf(Math.max(...logits));
  const speculation = new Speculation(7, new StepCost("fp32"), true);
  let seen = 0;
  for await (const _ of generateTokens(model, [{ ...row, sample }], new GenerationStats(), speculation)) {
    if (++seen === 5) break;
  }
  assert.equal(model.caches.size, 0);
});

test("auto drafts where that saves time, and stops if drafts fail or steps are slow", () => {
  const story = Array.from({ length: 60 }, (_, i) => 100 + i);
  const copying = new RowDrafts([...story, ...story.slice(0, 20)], 1000);
  const auto = new Speculation("auto", new StepCost("fp32"), true);
  assert.ok(auto.plan([{ drafts: copying, room: 100 }])[0]!.length >= 7);
  assert.equal(auto.plan([{ drafts: copying, room: 3 }])[0]!.length, 3);
  assert.equal(auto.plan([{ drafts: copying, room: 0 }])[0]!.length, 0);

  // A pair of tokens that occurs again and again, each time followed by a different token.
  const failing = new RowDrafts([1, 2, 3], 1000);
  let last = 1;
  for (let i = 0; i < 40; i++) {
    for (const id of [1, 2, 1000 + i]) {
      last = auto.plan([{ drafts: failing, room: 100 }])[0]!.length;
      failing.push(id);
    }
  }
  assert.equal(last, 0);
  // Of several rows, only the one that copies gets a draft.
  const [none, some] = auto.plan([
    { drafts: failing, room: 100 },
    { drafts: copying, room: 100 },
  ]);
  assert.equal(none!.length, 0);
  assert.ok(some!.length > 0);

  const slow = new Speculation("auto", new StepCost("fp32"), true);
  for (let i = 0; i < 200; i++) {
    slow.observe(1, 10);
    for (const tokens of [2, 4, 8, 16]) slow.observe(tokens, 10 * tokens);
  }
  assert.equal(slow.plan([{ drafts: copying, room: 100 }])[0]!.length, 0);
});

test("the cost of a step follows the curve, then the measurements", () => {
  const cost = new StepCost("int4");
  assert.equal(cost.of(2) / cost.of(1), 1.2);
  assert.equal(cost.of(8) / cost.of(1), 2.9);
  assert.ok(cost.of(6) > cost.of(5) && cost.of(300) > cost.of(200));
  for (let i = 0; i < 60; i++) {
    cost.observe(1, 4);
    cost.observe(8, 5);
  }
  assert.ok(Math.abs(cost.of(1) - 4) < 0.2);
  assert.ok(Math.abs(cost.of(8) - 5) < 0.2);
  // A single slow step changes the estimate only partly.
  cost.observe(1, 400);
  assert.ok(cost.of(1) < 6);
});
