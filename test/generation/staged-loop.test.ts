/** The request loop over stages: as many steps in flight as there are stages, and texts that continue after a stage was lost. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Engine, type SequenceTokens } from "../../src/engine/engine.js";
import { createRandom } from "../../src/generation/sampling/random.js";
import { createSampler } from "../../src/generation/sampling/sampler.js";
import type { Forward, GenerationRequest } from "../../src/generation/scheduling/request.js";
import { GenerationStats } from "../../src/generation/scheduling/stats.js";
import { openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { cut, LocalRing } from "../engine/pipeline/local-ring.js";
import { demo } from "../folders.js";
import { all, alone, idsOf, newLoop, outcome, request, story } from "./loop-requests.js";

const checkpoint = openCheckpoint(demo, 2048);

/** Passes everything on, and notes the batches that are in flight at the same time. */
function watch(ring: LocalRing, isNoted: (batches: readonly (readonly SequenceTokens[])[]) => void): Forward {
  const engine = ring.pipeline;
  const inFlight = new Set<readonly SequenceTokens[]>();
  const forward: Forward["forward"] = async (batch, signal) => {
    inFlight.add(batch);
    isNoted([...inFlight]);
    try {
      return await engine.forward(batch, signal);
    } finally {
      inFlight.delete(batch);
    }
  };
  return new Proxy(engine, {
    get(target, name) {
      if (name === "forward") return forward;
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("the request loop over three stages", () => {
  let engine: Engine;
  let ring: LocalRing;
  before(async () => {
    engine = await Engine.start(checkpoint, { worldSize: 1, dtype: "fp32", maxSeqLen: 512, threadsPerRank: 1 });
    ring = await LocalRing.start(checkpoint, cut(5, 1, 3), { delayMs: 1 });
  });
  after(async () => {
    await engine.close();
    await ring.close();
    assert.deepEqual([ring.refused, ring.failures], [[], []]);
  });

  test("requests of all lengths, joining and leaving, get the texts of one engine; no sequence is in two steps but prompts", async () => {
    const requests = Array.from({ length: 16 }, (_, i) =>
      request(story(1 + ((i * 37) % 200), i), 1 + ((i * 13) % 24), { lookup: i % 3 === 0 ? 4 : 0 }),
    );
    let most = 0;
    const forward = watch(ring, (batches) => {
      most = Math.max(most, batches.length);
      const texts = batches.flatMap((batch) => batch.filter((item) => item.promptLength === undefined));
      assert.equal(new Set(texts.map(({ sequence }) => sequence)).size, texts.length);
    });
    const loop = newLoop(forward, { maxRequests: 7 });
    assert.deepEqual(idsOf(await all(loop, requests)), await alone(requests, () => engine));
    assert.equal(most, 3);
  });

  test("texts are divided evenly over the steps in flight", async () => {
    const sizes: number[] = [];
    const forward = watch(ring, (batches) => {
      if (batches.length === 3) sizes.push(...batches.map(({ length }) => length));
    });
    const requests = Array.from({ length: 9 }, (_, i) => request(story(8, i), 40, { stopIds: new Set() }));
    await all(newLoop(forward), requests);
    const even = sizes.filter((size) => size === 3).length;
    assert.ok(even > 0.8 * sizes.length && sizes.length > 60, `${even} of ${sizes.length} steps have 3 of 9 texts`);
  });

  test("the chunks of one prompt follow each other without waiting", async () => {
    let most = 0;
    const forward = watch(ring, (batches) => {
      most = Math.max(most, batches.length);
    });
    const requests = [request(story(500, 1), 3)];
    assert.deepEqual(idsOf(await all(newLoop(forward), requests)), await alone(requests, () => engine));
    assert.equal(most, 3);
  });

  test("a shared prefix is computed once, and the next request continues in the KV cache of the last", async () => {
    const header = story(300, 9);
    const stats = new GenerationStats();
    const make = (seed: number) => request([...header, ...story(20, seed).slice(1)], 12, { stats });
    const [first, next] = [[1, 2, 3, 4].map(make), [5, 6].map(make)];
    const loop = newLoop(ring.pipeline);
    const texts = idsOf(await all(loop, first));
    assert.deepEqual([stats.promptTokens, stats.reusedTokens], [300 + 4 * 19, 3 * 300]);
    const more = idsOf(await all(loop, next));
    assert.equal(stats.reusedTokens, 5 * 300);
    assert.deepEqual([...texts, ...more], await alone([...first, ...next], () => engine));
  });

  test("cancelled in its prompt, with chunks on their way, and while it decodes: the others get the same text", async () => {
    const stay = [story(20, 1), story(400, 2)].map((ids) => request(ids, 40));
    const held = () => ring.hosts.map((host) => host.times.sequences);
    const before = held();
    const loop = newLoop(ring.pipeline, { maxRequests: 4 });
    const cancelAt = (one: GenerationRequest, kind: string) => {
      const controller = new AbortController();
      return outcome(loop.submit(one, controller.signal), (event) => event.kind === kind && controller.abort());
    };
    const [first, second, ...cancelled] = await Promise.all([
      ...stay.map((one) => outcome(loop.submit(one))),
      cancelAt(request(story(450, 3), 40), "prefill"),
      cancelAt(request(story(30, 4), 400), "token"),
    ]);
    assert.deepEqual([first!.ids, second!.ids], await alone(stay, () => engine));
    assert.deepEqual(
      cancelled.map(({ reason }) => reason),
      ["abort", "abort"],
    );
    // All that the loop has kept.
    loop.clear();
    assert.deepEqual([loop.counts.running, loop.counts.kept], [0, 0]);
    const sequence = ring.pipeline.newSequence();
    await ring.pipeline.forward([{ sequence, position: 0, tokens: [1], logits: "last" }]);
    assert.deepEqual(
      held(),
      before.map((count) => count + 1),
    );
  });

  test("a stage is lost 20 times at any place: the texts are those of an undisturbed run, no token twice or missing", async () => {
    const random = createRandom(7);
    const make = () =>
      Array.from({ length: 6 }, (_, i) => {
        const draw = createRandom(i);
        const sampler = createSampler({ topK: 0, minP: 0, temperature: i % 2 ? 0.9 : 0, topP: 0.9 });
        const sample = (logits: Float32Array) => sampler(logits, draw);
        return request(story(5 + i * 30, i), 30, { sample, lookup: i % 3 === 0 ? 4 : 0, stopIds: new Set() });
      });
    const scores: number[] = [];
    const score = { from: 100, take: (index: number) => scores.push(index) };
    let losses = 0;
    let steps = 3;
    const forward = watch(ring, () => {
      if (losses === 20 || --steps > 0) return;
      losses++;
      steps = 2 + Math.floor(random() * 8);
      setTimeout(() => ring.lose(), random() * 8);
    });
    const from = ring.epochs;
    const outcomes = await all(newLoop(forward, { maxRequests: 6 }), [
      ...make(),
      request(story(220, 99), 0, { score }),
    ]);
    for (const { error } of outcomes) assert.equal(error, null);
    assert.deepEqual([losses, ring.epochs - from], [20, 20]);
    assert.deepEqual(idsOf(outcomes).slice(0, -1), await alone(make(), () => engine));
    assert.deepEqual(
      scores,
      Array.from({ length: 120 }, (_, i) => 100 + i),
    );
    for (const { error } of outcomes) assert.equal(error, null);
  });

  test("a stage that does not come back ends all requests with the reason", async () => {
    const own = await LocalRing.start(checkpoint, cut(5, 2), {
      recover: async () => Promise.reject(new Error("nobody came")),
    });
    const running = all(newLoop(own.pipeline), [request(story(20, 1), 400), request(story(30, 1), 400)]);
    await sleep(50);
    own.lose();
    for (const { error } of await running) assert.match(error!.message, /nobody came/);
    await own.close();
  });
});
