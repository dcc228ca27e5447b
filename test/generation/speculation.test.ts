/** Speculation on a made-up model: the same tokens as without drafts, in fewer steps. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../../src/generation/sampling/random.js";
import { createSampler } from "../../src/generation/sampling/sampler.js";
import type { EndEvent, GenerationRequest, TokenEvent } from "../../src/generation/scheduling/request.js";
import { RequestLoop } from "../../src/generation/scheduling/request-loop.js";
import { GenerationStats } from "../../src/generation/scheduling/stats.js";
import { type Draftable, RowDrafts, Speculation } from "../../src/generation/speculation/speculation.js";
import { StepCost } from "../../src/generation/speculation/step-cost.js";
import { FakeModel, LIMITS, STOP } from "./fake-model.js";

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
  const stats = new GenerationStats();
  const requests = prompts.map((promptIds, i): GenerationRequest => {
    const random = createRandom(i);
    const counted = () => {
      draws++;
      return random();
    };
    const stopIds = new Set(stop ? [STOP] : []);
    const options = { maxTokens: maxTokens + i, stopIds, logprobs: true, lookup: count, timedLookup: true, stats };
    return { promptIds, sample: (l) => sampler(l, counted), ...options };
  });
  const model = new FakeModel();
  const loop = new RequestLoop(model, LIMITS, "fp32");
  const controller = new AbortController();
  let events = 0;
  const collect = async (request: GenerationRequest) => {
    const all: (TokenEvent | EndEvent)[] = [];
    for await (const event of loop.submit(request, controller.signal)) {
      if (event.kind !== "token" && event.kind !== "end") continue;
      all.push(event);
      if (++events === abortAfter) controller.abort();
    }
    return all;
  };
  const byRequest = await Promise.all(requests.map(collect));
  assert.equal(model.caches.size, loop.counts.kept, "sequences are released, or kept");
  const begun = requests.filter((request) => request.maxTokens > 0);
  for (const { sequence, position, tokens } of model.calls.flat()) {
    const request = begun[sequence]!;
    assert.ok(position + tokens.length < request.promptIds.length + request.maxTokens, "beyond the request's budget");
  }
  return { byRequest, draws, steps: model.calls.length, stats, timings: stats.timings() };
}

const COUNTS = [1, 2, 7, 40, "auto"] as const;

for (const count of COUNTS) {
  test(`${count} drafts: greedy and sampled tokens are those without`, async () => {
    for (const temperature of [0, 0.5, 1, 2]) {
      for (const prompts of [PROMPTS, ...PROMPTS.map((prompt) => [prompt])]) {
        for (const stop of [false, true]) {
          const setting = { temperature, prompts, stop };
          const plain = await run(0, setting);
          const guessed = await run(count, setting);
          assert.deepEqual(guessed.byRequest, plain.byRequest);
          assert.equal(guessed.draws, plain.draws);
          assert.ok(guessed.steps <= plain.steps);
        }
      }
    }
  });

  test(`${count} drafts: a budget of any size ends where it should`, async () => {
    for (let maxTokens = 0; maxTokens < 30; maxTokens++) {
      const plain = await run(0, { maxTokens });
      const guessed = await run(count, { maxTokens });
      assert.deepEqual(guessed.byRequest, plain.byRequest);
      assert.equal(guessed.byRequest[0]!.length, maxTokens + 1);
    }
  });

  test(`${count} drafts: after an abort no further token comes`, async () => {
    for (let abortAfter = 1; abortAfter < 40; abortAfter++) {
      const setting = { abortAfter, prompts: PROMPTS.slice(0, 1) };
      const { byRequest } = await run(count, setting);
      const plain = await run(0, setting);
      assert.deepEqual(byRequest, plain.byRequest);
      assert.equal(byRequest[0]!.length, abortAfter + 1);
      assert.deepEqual(byRequest[0]!.at(-1), { kind: "end", reason: "abort", stop: null });
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
    assert.ok(timings.tokensPerStep! > 2);
    // the first token comes out of prefill, which is a step too
    assert.equal(stats.generatedTokens, steps + stats.acceptedTokens);
    assert.equal(plain.timings.tokensPerStep, 1);
    assert.equal(plain.timings.draftTokens, 0);
  }
});

test("leaving the events ends the request", async () => {
  const model = new FakeModel();
  const loop = new RequestLoop(model, LIMITS, "fp32");
  const request = { promptIds: PROMPTS[0]!, maxTokens: 50, stopIds: new Set<number>(), logprobs: false, lookup: 7 };
  const sample = (logits: Float32Array) => logits.indexOf(Math.max(...logits));
  let seen = 0;
  for await (const _ of loop.submit({ ...request, sample })) if (++seen === 5) break;
  const { kvBytes, ...counts } = loop.counts;
  assert.deepEqual(counts, { running: 0, waiting: 0, kept: model.caches.size });
  assert.equal(kvBytes.running, 0);
  assert.ok(kvBytes.kept > 0);
});

function auto(drafts: RowDrafts, room: number): Draftable {
  return { drafts, count: "auto", isTimed: true, room };
}

test("auto drafts where it pays and stops where drafts fail or steps are slow", () => {
  const story = Array.from({ length: 60 }, (_, i) => 100 + i);
  const copying = new RowDrafts([...story, ...story.slice(0, 20)], 1000);
  const speculation = new Speculation("fp32");
  assert.ok(speculation.plan([auto(copying, 100)])[0]!.length >= 7);
  assert.equal(speculation.plan([auto(copying, 3)])[0]!.length, 3);
  assert.equal(speculation.plan([auto(copying, 0)])[0]!.length, 0);

  // a pair of tokens that repeats, each time followed by another one
  const failing = new RowDrafts([1, 2, 3], 1000);
  let last = 1;
  for (let i = 0; i < 40; i++) {
    for (const id of [1, 2, 1000 + i]) {
      last = speculation.plan([auto(failing, 100)])[0]!.length;
      failing.push(id);
    }
  }
  assert.equal(last, 0);
  // several requests: only the one that copies gets drafts
  const [none, some] = speculation.plan([auto(failing, 100), auto(copying, 100)]);
  assert.equal(none!.length, 0);
  assert.ok(some!.length > 0);

  const slow = new Speculation("fp32");
  for (let i = 0; i < 200; i++) {
    slow.observe(1, 10);
    for (const tokens of [2, 4, 8, 16]) slow.observe(tokens, 10 * tokens);
  }
  assert.equal(slow.plan([auto(copying, 100)])[0]!.length, 0);
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
