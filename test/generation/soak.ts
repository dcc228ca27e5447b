/**
 * Many requests of all kinds at random: some are cancelled at any point, some read slowly, some fail, some are left. What comes
 * to its end must be the text of a single run. As a program: npm run soak -- --minutes 10
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createRandom } from "../../src/generation/sampling/random.js";
import { type CompletionEvent, demoModel, Llama, LlamaError, type RequestOptions } from "../../src/index.js";

export interface SoakOptions {
  seed: number;
  /** Requests in all, or as many as come in the time. */
  requests?: number;
  minutes?: number;
  /** Requests at once at most. */
  atOnce?: number;
  onProgress?: (line: string) => void;
}

interface Case {
  prompt: string;
  options: RequestOptions;
  expected: string;
}

/** Time without any event of any request. */
const HANGS_MS = 60_000;
const PROMPTS = [
  "Once upon a time",
  "Tom and his dog",
  "Lily had a red ball.",
  "The cat was",
  '"Can I have a cookie?" asked',
];
/** Texts that many prompts begin with. */
const HEADERS = [
  "",
  "One day a little girl named Lily went to the park with her mom and her dad. ",
  "There was a big tree. ".repeat(6),
];

export type Counts = Record<"whole" | "cancelled" | "left" | "failed" | "refused", number>;

/** Runs it; throws for a wrong text, a request that hangs, and what is left at the end. */
export async function soak(llama: Llama, options: SoakOptions): Promise<Counts> {
  const { seed, requests = Number.POSITIVE_INFINITY, minutes = 60, atOnce = 40, onProgress } = options;
  const random = createRandom(seed);
  const upTo = (count: number) => Math.floor(random() * count);
  const cases = await expectedTexts(llama);
  const counts: Counts = { whole: 0, cancelled: 0, left: 0, failed: 0, refused: 0 };
  let lastEvent = Date.now();
  const nothing = Object.fromEntries(Array.from({ length: llama.config.vocabSize }, (_, id) => [id, -Infinity]));

  const run = async (): Promise<void> => {
    const one = cases[upTo(cases.length)]!;
    const [kind, at, pause] = [random(), upTo(30), random() < 0.2 ? upTo(20) : 0];
    const controller = new AbortController();
    const isFailing = kind < 0.1;
    const more = isFailing ? { logitBias: nothing } : {};
    let events: AsyncIterableIterator<CompletionEvent>;
    try {
      events = llama.submit({ prompt: one.prompt, ...one.options, ...more, signal: controller.signal });
    } catch (error) {
      assert.ok(error instanceof LlamaError && /queue is full/.test(error.message), String(error));
      counts.refused++;
      return;
    }
    let count = 0;
    let text = "";
    try {
      for await (const event of events) {
        lastEvent = Date.now();
        if (pause > 0) await sleep(pause);
        if (event.kind === "token") text += event.text;
        if (event.kind === "end") {
          assert.ok(!isFailing, "no error where nothing may be sampled");
          if (event.completion.finishReason === "abort") counts.cancelled++;
          else {
            assert.equal(text + event.text, one.expected);
            counts.whole++;
          }
        } else if (++count > at && kind > 0.85) {
          counts.left++;
          return;
        } else if (count > at && kind > 0.6) controller.abort();
      }
    } catch (error) {
      assert.ok(isFailing && error instanceof LlamaError, String(error));
      counts.failed++;
    }
  };

  const end = Date.now() + minutes * 60_000;
  const running = new Set<Promise<void>>();
  let failure: unknown;
  let woken = () => {};
  const hung = new Promise<void>((resolve) => {
    woken = resolve;
  });
  let started = 0;
  let told = Date.now();
  const watch = setInterval(() => {
    if (Date.now() - lastEvent < HANGS_MS) return;
    failure ??= new Error(`no event for ${HANGS_MS} ms: ${JSON.stringify(llama.requestCounts)}`);
    woken();
  }, 1000);
  while (started < requests && Date.now() < end && failure === undefined) {
    const burst = Math.min(requests - started, random() < 0.01 ? 200 : 1);
    for (let i = 0; i < burst; i++, started++) {
      const one: Promise<void> = run()
        .catch((error) => {
          failure ??= error;
        })
        .finally(() => running.delete(one));
      running.add(one);
    }
    while (running.size >= atOnce && failure === undefined) await Promise.race([hung, ...running]);
    if (random() < 0.3) await sleep(upTo(5));
    if (Date.now() - told < 10_000) continue;
    told = Date.now();
    const memory = `${Math.round(process.memoryUsage().rss / 1e6)} MB`;
    onProgress?.(`${started} requests, ${memory}, ${JSON.stringify(counts)}, ${JSON.stringify(llama.requestCounts)}`);
  }
  await Promise.race([hung, Promise.all(running)]);
  clearInterval(watch);
  if (failure !== undefined) throw failure;
  // What was cancelled last leaves after its step.
  for (let i = 0; i < 100 && llama.requestCounts.running > 0; i++) await sleep(20);
  const { running: open, waiting } = llama.requestCounts;
  assert.deepEqual([open, waiting], [0, 0]);
  return counts;
}

async function expectedTexts(llama: Llama): Promise<Case[]> {
  const cases: Case[] = [];
  for (const [i, prompt] of HEADERS.flatMap((header) => PROMPTS.map((text) => header + text)).entries()) {
    const options = { temperature: i % 3 === 0 ? 0 : 0.8, seed: i, maxGenLen: 5 + ((i * 7) % 60) };
    for await (const { done } of llama.stream(prompt, { ...options, cachePrompt: false })) {
      if (done) cases.push({ prompt, options, expected: done.text });
    }
  }
  return cases;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { minutes: { type: "string", default: "10" }, seed: { type: "string", default: "1" } },
  });
  const llama = await Llama.build({ ...demoModel, dtype: "fp32", kvMemory: 60e6 });
  const counts = await soak(llama, {
    seed: Number(values.seed),
    minutes: Number(values.minutes),
    onProgress: (line) => console.log(line),
  });
  console.log(
    `done: ${JSON.stringify(counts)}, ${JSON.stringify(llama.requestCounts)}, ${Math.round(process.memoryUsage().rss / 1e6)} MB`,
  );
  await llama.close();
}
