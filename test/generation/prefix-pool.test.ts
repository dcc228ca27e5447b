/** The prefix pool: which KV caches of ended requests stay, and who continues in them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { GenerationRequest } from "../../src/generation/scheduling/request.js";
import { GenerationStats } from "../../src/generation/scheduling/stats.js";
import { FakeModel } from "./fake-model.js";
import { newLoop, outcome, request } from "./loop-requests.js";

test("a sequence that is being read stays, however many requests end meanwhile", async () => {
  const model = new FakeModel();
  const loop = newLoop(model, { maxKept: 300 });
  const prompt = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  const options = { stopIds: new Set<number>() };
  await outcome(loop.submit(request(prompt, 5, options)));
  await loop.withPrefix(prompt, async (found) => {
    const before = [...model.caches.get(found!.sequence)!];
    for (let i = 0; i < 40; i++) await outcome(loop.submit(request([i % 13, i % 7, ...prompt], 5, options)));
    assert.deepEqual(model.caches.get(found!.sequence), before);
  });
});

test("a copy keeps the original, the least recently used goes first, an owner continues in its own", async () => {
  const model = new FakeModel();
  const loop = newLoop(model, { maxPositions: 200 });
  const header = Array.from({ length: 40 }, (_, i) => i % 11);
  const run = async (promptIds: number[], more: Partial<GenerationRequest> = {}) => {
    const stats = new GenerationStats();
    const { ids } = await outcome(
      loop.submit(request(promptIds, 10, { stopIds: new Set(), isDisposable: false, stats, ...more })),
    );
    return { ids, reused: stats.reusedTokens };
  };
  const first = await run([...header, 1, 2, 3]);
  assert.equal((await run([...header, 4, 5, 6])).reused, 40);
  // The first one is whole: its copy was taken.
  const owner = {};
  const next = await run([...header, 1, 2, 3, ...first.ids, 7], { owner });
  assert.equal(next.reused, 43 + 9);
  // Own, even where little is shared.
  assert.equal((await run([0, 1, 2, 12], { owner })).reused, 3);
  for (let i = 0; i < 8; i++) await run([i, i, i, i, i, i, i, i, i, i]);
  assert.ok(loop.counts.kept <= 10, `${loop.counts.kept} kept`);
  assert.equal(model.caches.size, loop.counts.kept);
  assert.equal((await run([...header, 4, 5, 6])).reused, 0);
});

test("prompts that are only scored share their prefix too, though the first ends before the others begin", async () => {
  const header = Array.from({ length: 40 }, (_, i) => i % 11);
  const more = (stats: GenerationStats) => ({
    ...{ stats, stopIds: new Set<number>(), score: { from: 60, take: () => {} } },
  });
  const stats = new GenerationStats();
  const model = new FakeModel();
  const loop = newLoop(model);
  const documents = Array.from({ length: 6 }, (_, i) => [
    ...header,
    ...Array.from({ length: 21 }, (_, j) => (i + j) % 12),
  ]);
  // Four choices of each document, of 30 tokens after the 60 that they share.
  const prompts = documents.flatMap((ids) =>
    [1, 2, 3, 4].map((choice) => [...ids, ...Array.from({ length: 29 }, (_, j) => (choice * j) % 11)]),
  );
  await Promise.all(prompts.map((ids) => outcome(loop.submit(request(ids, 0, more(stats))))));
  const computed = 40 + 6 * 20 + 24 * 30;
  assert.ok(stats.promptTokens <= computed + 60, `${stats.promptTokens} tokens computed, ${computed} needed`);
});
