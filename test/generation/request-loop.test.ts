/** The request loop: what runs in each step, requests that end alone, limits; on made-up models and the demo model. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Engine, type SequenceTokens } from "../../src/engine/engine.js";
import { LlamaError } from "../../src/error.js";
import type { GenerationRequest, RequestEvent } from "../../src/generation/scheduling/request.js";
import { GenerationStats } from "../../src/generation/scheduling/stats.js";
import { openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { demo } from "../folders.js";
import { FakeModel } from "./fake-model.js";
import { all, alone, greedy, idsOf, newLoop, outcome, request, story, Watched } from "./loop-requests.js";

let engine: Engine;

describe("the request loop", () => {
  before(async () => {
    engine = await Engine.start(openCheckpoint(demo, 2048), { worldSize: 2, dtype: "fp32", maxSeqLen: 512 });
  });
  after(() => engine.close());

  test("requests of all lengths, joining and leaving, get the texts they get alone", async () => {
    const requests = Array.from({ length: 24 }, (_, i) => request(story(1 + ((i * 37) % 90), i), 1 + ((i * 13) % 40)));
    const watched = new Watched(engine);
    const loop = newLoop(watched, { maxRequests: 7 });
    const outcomes = await all(loop, requests);
    assert.deepEqual(idsOf(outcomes), await alone(requests, () => engine));
    for (const [i, { ids, reason }] of outcomes.entries()) {
      assert.ok(reason === "stop" || ids.length === requests[i]!.maxTokens, String(reason));
    }
    assert.ok(watched.steps.every((step) => step.length <= 7));
    // The end of one makes room for the next at once.
    assert.ok(watched.steps.slice(0, 20).every((step) => step.length === 7));
    assert.equal(watched.open.size, loop.counts.kept);
  });

  test("a prompt runs in chunks beside the others, which continue", async () => {
    const requests = [request(story(10, 1), 40), request(story(470, 2), 5), request(story(300, 3), 5)];
    const watched = new Watched(engine);
    assert.deepEqual(idsOf(await all(newLoop(watched), requests)), await alone(requests, () => engine));
    const [first, second, third] = watched.steps.map((step) => step.map(({ tokens }) => tokens.length));
    assert.deepEqual(first, [10, 246]);
    assert.deepEqual(second, [1, 224, 31]);
    assert.deepEqual(third, [1, 1, 254]);
  });

  test("a prefix that prompts share is computed once", async () => {
    const header = story(300, 9);
    const stats = new GenerationStats();
    const requests = Array.from({ length: 6 }, (_, i) =>
      request([...header, ...story(20, i + 1).slice(1)], 12, { stats }),
    );
    const outcomes = await all(newLoop(new Watched(engine)), requests);
    assert.equal(stats.promptTokens, 300 + 6 * 19);
    assert.equal(stats.reusedTokens, 5 * 300);
    assert.deepEqual(idsOf(outcomes), await alone(requests, () => engine));
  });

  test("one at a time, the next request continues in the KV cache of the last", async () => {
    const header = story(100, 5);
    const stats = new GenerationStats();
    const prompts = [[...header, 300, 301], [...header, 400], header, story(50, 6)];
    const requests = prompts.map((ids) => request(ids, 3, { stats }));
    const outcomes = await all(newLoop(new Watched(engine), { maxRequests: 1 }), requests);
    // The last token of a prompt always runs.
    assert.equal(stats.reusedTokens, 100 + 99);
    assert.deepEqual(idsOf(outcomes), await alone(requests, () => engine));
  });

  test("KV caches stay within their memory, and a request that can never fit is refused with figures", async () => {
    const requests = [60, 100, 30, 200, 20, 90].map((length, i) => request(story(length, i), 20));
    const watched = new Watched(engine);
    const loop = newLoop(watched, { maxPositions: 250 });
    const outcomes = await all(loop, requests);
    const size = (step: readonly SequenceTokens[]) =>
      step.reduce((sum, { position, tokens }) => sum + position + tokens.length, 0);
    assert.ok(watched.steps.every((step) => size(step) <= 250));
    assert.deepEqual(idsOf(outcomes), await alone(requests, () => engine));
    assert.throws(
      () => loop.submit(request(story(240, 1), 20)),
      (error: Error) => error instanceof LlamaError && /KV-cache memory/.test(error.message),
    );
  });

  test("a request that fails ends alone: in the sampler, in the text, in the score, by NaN", async () => {
    const good = [story(20, 1), story(90, 2), story(5, 3)].map((ids) => request(ids, 30));
    const fail = () => {
      throw new Error("on purpose");
    };
    const late = (count: number) => () => (count-- > 0 ? { text: "", isLast: false } : fail());
    const bad = [
      request(story(30, 4), 30, { sample: fail }),
      request(story(31, 5), 30, { push: late(6) }),
      request(story(32, 6), 0, { score: { from: 3, take: fail } }),
      request(story(33, 7), 30, { sample: (logits) => greedy(logits.fill(Number.NaN), Math.random) }),
    ];
    const loop = newLoop(new Watched(engine));
    const outcomes = await all(loop, [good[0]!, bad[0]!, bad[1]!, good[1]!, bad[2]!, bad[3]!, good[2]!]);
    assert.deepEqual(idsOf([outcomes[0]!, outcomes[3]!, outcomes[6]!]), await alone(good, () => engine));
    for (const i of [1, 2, 4]) assert.equal(outcomes[i]!.error?.message, "on purpose");
    assert.ok(outcomes[5]!.error instanceof LlamaError);
    assert.deepEqual([loop.counts.running, loop.counts.waiting], [0, 0]);
  });

  test("cancelled while it waits, in its prompt, and while it decodes: the others get the same text", async () => {
    const stay = [story(20, 1), story(400, 2)].map((ids) => request(ids, 40));
    const loop = newLoop(new Watched(engine), { maxRequests: 4 });
    const cancelAt = (one: GenerationRequest, kind: RequestEvent["kind"]) => {
      const controller = new AbortController();
      const events = loop.submit(one, controller.signal);
      return outcome(events, (event) => event.kind === kind && controller.abort());
    };
    const running = Promise.all([
      ...stay.map((one) => outcome(loop.submit(one))),
      cancelAt(request(story(450, 3), 40), "prefill"),
      cancelAt(request(story(30, 4), 400), "token"),
      cancelAt(request(story(30, 5), 40), "queued"),
    ]);
    const [first, second, ...cancelled] = await running;
    assert.deepEqual([first!.ids, second!.ids], await alone(stay, () => engine));
    assert.deepEqual(
      cancelled.map(({ reason }) => reason),
      ["abort", "abort", "abort"],
    );
    assert.deepEqual(cancelled[1]!.ids.length, 1);
  });

  test("a slow consumer pauses its own request and no other", async () => {
    const model = new FakeModel();
    const loop = newLoop(model);
    const stopIds = new Set<number>();
    const requests = [1, 2].map((seed) => request([seed, 3, 4], 300, { stopIds }));
    let isHeld = true;
    const slow = outcome(loop.submit(requests[0]!), async () => {
      while (isHeld) await sleep(1);
    });
    const fast = await outcome(loop.submit(requests[1]!));
    assert.equal(fast.ids.length, 300);
    const held = Math.max(
      ...model.calls
        .flat()
        .filter(({ sequence }) => sequence === 0)
        .map(({ position }) => position),
    );
    assert.ok(held < 100, `${held} positions for a consumer that takes none`);
    isHeld = false;
    assert.deepEqual([(await slow).ids, fast.ids], await alone(requests, () => new FakeModel()));
  });

  test("a failure of the engine ends all requests, and later ones are refused", async () => {
    const model = new FakeModel();
    model.tokenMs = 1;
    const loop = newLoop(model, { maxRequests: 2 });
    const running = all(
      loop,
      [1, 2, 3].map((seed) => request([seed], 100, { stopIds: new Set() })),
    );
    await sleep(1);
    model.failure = new Error("gone");
    for (const { error } of await running) assert.equal(error?.message, "gone");
    assert.throws(() => loop.submit(request([1], 1)), /gone/);
  });

  test("the queue is bounded, and those who wait hear how many are before them", async () => {
    const loop = newLoop(new FakeModel(), { maxRequests: 1, maxQueue: 3 });
    const positions: number[] = [];
    const requests = [1, 2, 3].map((seed) => request([seed], 20, { stopIds: new Set() }));
    const outcomes = requests.map((one, i) =>
      outcome(loop.submit(one), (event) => i === 2 && event.kind === "queued" && positions.push(event.position)),
    );
    assert.throws(() => loop.submit(requests[0]!), /the queue is full/);
    for (const { ids } of await Promise.all(outcomes)) assert.equal(ids.length, 20);
    assert.deepEqual(positions.at(-1), 0);
    assert.ok(positions.length > 1);
  });

  test("beside tokens that somebody watches a prompt runs in steps of bounded time; alone in steps of 256 tokens", async () => {
    const model = new FakeModel();
    model.tokenMs = 1;
    const loop = newLoop(model, { stepMs: 40 });
    const stopIds = new Set<number>();
    await outcome(
      loop.submit(
        request(
          story(600, 1).map((id) => id % 13),
          1,
          { stopIds },
        ),
      ),
    );
    assert.equal(Math.max(...model.calls.map((step) => step[0]!.tokens.length)), 256);
    const from = model.calls.length;
    const watched = outcome(loop.submit(request([3, 4, 5], 60, { stopIds, isWatched: true })));
    await sleep(20);
    await outcome(
      loop.submit(
        request(
          story(300, 2).map((id) => (id * 7) % 13),
          1,
          { stopIds },
        ),
      ),
    );
    await watched;
    const mixed = model.calls.slice(from).filter((step) => step.length > 1 && step[1]!.tokens.length > 1);
    const sizes = mixed.map((step) => step.reduce((sum, { tokens }) => sum + tokens.length, 0));
    assert.ok(sizes.length >= 7, sizes.join(" "));
    assert.ok(Math.max(...sizes.slice(2)) <= 60, sizes.join(" "));
  });
});
