/** Continuous batching on the demo model: checks what runs in each step, and compares the texts with those generated one by one. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Engine, type SequenceTokens } from "../../src/engine/engine.js";
import { createSampler } from "../../src/generation/sampling/sampler.js";
import { continueRequests, generateTokens } from "../../src/generation/scheduling/loop.js";
import type { Forward, GenerationRequest } from "../../src/generation/scheduling/request.js";
import { RequestQueue } from "../../src/generation/scheduling/request-queue.js";
import type { ScheduleLimits } from "../../src/generation/scheduling/scheduler.js";
import { GenerationStats } from "../../src/generation/scheduling/stats.js";
import { openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { demo } from "../folders.js";

const VOCAB = 2048;
let engine: Engine;
before(async () => {
  engine = await Engine.start(openCheckpoint(demo, VOCAB), { worldSize: 2, dtype: "fp32", maxSeqLen: 512 });
});
after(() => engine.close());

/** Passes every call on to the engine and records it. */
class Watched implements Forward {
  readonly steps: (readonly SequenceTokens[])[] = [];
  readonly open = new Map<number, number>();
  /** Maximum number of positions that all open sequences together had memory for. */
  peak = 0;

  newSequence(positions = 0): number {
    return this.#opened(engine.newSequence(positions), positions);
  }

  fork(source: number, length: number, positions: number): number {
    assert.ok(this.open.has(source), "copied a sequence that was released");
    return this.#opened(engine.fork(source, length, positions), positions);
  }

  reserve(sequence: number, positions: number): void {
    assert.ok(this.open.has(sequence));
    engine.reserve(sequence, positions);
    this.#opened(sequence, positions);
  }

  release(sequence: number): void {
    assert.ok(this.open.delete(sequence), "released twice");
    engine.release(sequence);
  }

  forward(batch: readonly SequenceTokens[], signal?: AbortSignal): Promise<Float32Array[]> {
    this.steps.push(batch);
    this.peak = Math.max(
      this.peak,
      [...this.open.values()].reduce((a, b) => a + b, 0),
    );
    return engine.forward(batch, signal);
  }

  #opened(sequence: number, positions: number): number {
    this.open.set(sequence, positions);
    return sequence;
  }
}

const greedy = createSampler({ topK: 0, minP: 0, temperature: 0, topP: 1 });

function row(promptIds: number[], maxTokens: number): GenerationRequest {
  return { promptIds, maxTokens, sample: (l) => greedy(l, Math.random), stopIds: new Set([2]), logprobs: false };
}

/** Ids of story words, the same at every call. */
function story(length: number, seed: number): number[] {
  const ids = Array.from({ length }, (_, i) => 260 + (((Math.imul(i + 1, 0x9e3779b1) + seed * 7919) >>> 0) % 1700));
  return [1, ...ids.slice(1)];
}

async function texts(
  forward: Forward,
  rows: GenerationRequest[],
  limits: ScheduleLimits,
  stats = new GenerationStats(),
) {
  const queue = new RequestQueue();
  for (const one of rows) queue.push(one);
  queue.end();
  const ids: number[][] = rows.map(() => []);
  const reasons: string[] = [];
  for await (const event of continueRequests(forward, queue, limits, stats, null)) {
    if (event.id === null) reasons[event.row] = event.finishReason;
    else ids[event.row]!.push(event.id);
  }
  return { ids, reasons, stats };
}

async function oneByOne(rows: GenerationRequest[]): Promise<number[][]> {
  const all: number[][] = [];
  for (const one of rows) {
    const ids: number[] = [];
    for await (const { id } of generateTokens(engine, [one], new GenerationStats(), null))
      if (id !== null) ids.push(id);
    all.push(ids);
  }
  return all;
}

test("rows of all lengths that join and leave get the same texts as alone", async () => {
  const rows = Array.from({ length: 24 }, (_, i) => row(story(1 + ((i * 37) % 90), i), 1 + ((i * 13) % 40)));
  const watched = new Watched();
  const { ids, reasons } = await texts(watched, rows, { maxRows: 7 });
  assert.deepEqual(ids, await oneByOne(rows));
  assert.ok(
    reasons.every((reason, i) => (reason === "length" ? ids[i]!.length === rows[i]!.maxTokens : reason === "stop")),
  );
  assert.ok(watched.steps.every((step) => step.length <= 7));
  // The batch stays full, because a row that ends makes room for the next at once.
  assert.ok(watched.steps.slice(0, 20).every((step) => step.length === 7));
  assert.equal(watched.open.size, 0);
});

test("a prompt runs in chunks while other texts continue", async () => {
  const rows = [row(story(10, 1), 40), row(story(470, 2), 5), row([...story(300, 3)], 5)];
  const watched = new Watched();
  const { ids } = await texts(watched, rows, {});
  assert.deepEqual(ids, await oneByOne(rows));
  const [first, second, third] = watched.steps.map((step) => step.map(({ tokens }) => tokens.length));
  assert.deepEqual(first, [10, 246]);
  assert.deepEqual(second, [1, 224, 31]);
  assert.deepEqual(third, [1, 1, 254]);
});

test("a prefix that prompts share is computed once", async () => {
  const header = story(300, 9);
  const rows = Array.from({ length: 6 }, (_, i) => row([...header, ...story(20, i + 1).slice(1)], 12));
  const watched = new Watched();
  const { ids, reasons, stats } = await texts(watched, rows, {});
  assert.deepEqual(ids, await oneByOne(rows));
  assert.equal(stats.promptTokens, 300 + 6 * 19);
  assert.equal(stats.reusedTokens, 5 * 300);
  const run = watched.steps.flat().reduce((sum, { tokens }) => sum + tokens.length, 0);
  // The prompt's last step yields the first new token, and the last token of a full length is not run.
  const decoded = ids.reduce((sum, text, i) => sum + text.length - (reasons[i] === "length" ? 1 : 0), 0);
  assert.equal(run, 300 + 6 * 19 + decoded);
});

test("if rows run one at a time, each reuses the KV cache of the one before", async () => {
  const header = story(100, 5);
  const rows = [row([...header, 300, 301], 30), row([...header, 400], 3), row(header, 3), row(story(50, 6), 3)];
  const watched = new Watched();
  const { ids, stats } = await texts(watched, rows, { maxRows: 1 });
  assert.deepEqual(ids, await oneByOne(rows));
  // The last token of a prompt always runs.
  assert.equal(stats.reusedTokens, 100 + 99);
  assert.equal(watched.open.size, 0);
});

test("KV caches stay within their limit, and a row that needs more runs alone", async () => {
  const rows = [60, 100, 30, 400, 20, 90].map((length, i) => row(story(length, i), 20));
  const watched = new Watched();
  const { ids } = await texts(watched, rows, { maxPositions: 250 });
  assert.deepEqual(ids, await oneByOne(rows));
  assert.equal(watched.peak, 420);
  const sizes = watched.steps.filter((step) => step.some(({ position, tokens }) => position + tokens.length > 200));
  assert.ok(sizes.length > 0 && sizes.every((step) => step.length === 1));
});

test("rows added later join, and an abort ends running and waiting rows", async () => {
  const queue = new RequestQueue();
  const controller = new AbortController();
  queue.push(row(story(5, 1), 400));
  const reasons = new Map<number, string>();
  let tokens = 0;
  const watched = new Watched();
  for await (const event of continueRequests(
    watched,
    queue,
    { maxRows: 2 },
    new GenerationStats(),
    null,
    controller.signal,
  )) {
    if (event.id === null) reasons.set(event.row, event.finishReason);
    else if (++tokens === 5) for (const length of [4, 0, 300]) queue.push(row(story(6, 2), length));
    else if (tokens === 40) controller.abort();
  }
  assert.deepEqual([...reasons].sort(), [
    [0, "abort"],
    [1, "length"],
    [2, "length"],
    [3, "abort"],
  ]);
  assert.equal(watched.open.size, 0);
});

test("an empty queue waits for requests until it is ended", async () => {
  const queue = new RequestQueue();
  const events = continueRequests(engine, queue, {}, new GenerationStats(), null);
  const first = events.next();
  await new Promise((resolve) => setTimeout(resolve, 20));
  queue.push(row(story(5, 1), 1));
  assert.equal((await first).value?.row, 0);
  assert.equal((await events.next()).value?.id, null);
  const last = events.next();
  queue.end();
  assert.equal((await last).done, true);
});
