#!/usr/bin/env node
/**
 * Measures what a batch gains: the same prompts one by one and as a batch, and prompts with a shared prefix.
 *   node bench/batch.js [--preset 7B] [--layers 8] [--dtype int8] [--nproc_per_node 2] [--prompts 16] [--pp 64] [--tg 64] [--shared 512] [--rounds 3]
 * Random weights; greedy; without prompt lookup. The rate is new tokens per second of prefill and decode together.
 */
import { availableParallelism, freemem } from "node:os";
import { parseArgs } from "node:util";
import { Engine } from "../dist/src/engine/engine.js";
import { defaultCacheRoot } from "../dist/src/engine/weight-cache/cache-folder.js";
import { createSampler } from "../dist/src/generation/sampling/sampler.js";
import { resolveLimits } from "../dist/src/generation/scheduling/request-limits.js";
import { RequestLoop } from "../dist/src/generation/scheduling/request-loop.js";
import { GenerationStats } from "../dist/src/generation/scheduling/stats.js";
import { presetCheckpoint } from "../dist/src/model/sizes/presets.js";

const text = (value) => ({ type: "string", default: value });
const { values } = parseArgs({
  options: {
    preset: text("7B"),
    layers: text("8"),
    dtype: text("int8"),
    nproc_per_node: text(`${availableParallelism()}`),
    prompts: text("16"),
    pp: text("64"),
    tg: text("64"),
    shared: text("512"),
    rounds: text("3"),
  },
});
const [layers, worldSize, prompts, pp, tg, shared, rounds] = [
  "layers",
  "nproc_per_node",
  "prompts",
  "pp",
  "tg",
  "shared",
  "rounds",
].map((name) => Number(values[name]));

const checkpoint = presetCheckpoint(values.preset, layers);
const { vocabSize } = checkpoint.config;
const engine = await Engine.start(checkpoint, {
  worldSize,
  dtype: values.dtype,
  maxSeqLen: shared + pp + tg,
  cacheRoot: defaultCacheRoot(),
});

/** Ids from the whole vocabulary; the first `common` ids are the same for every seed. */
function promptIds(length, seed, common = 0) {
  return Array.from(
    { length },
    (_, i) => (Math.imul(i + 1 + (i < common ? 0 : seed * 7919), 0x9e3779b1) >>> 0) % vocabSize,
  );
}

const greedy = createSampler({ temperature: 0, topP: 1 });
const row = (ids) => ({
  promptIds: ids,
  maxTokens: tg,
  sample: (logits) => greedy(logits, Math.random),
  stopIds: new Set(),
  logprobs: false,
});

/** Runs the requests as one batch; returns milliseconds, statistics and ids. */
async function run(requests) {
  // A loop of its own: nothing is left of the run before.
  const limits = resolveLimits({ concurrency: requests.length, kvMemory: freemem() / 2 }, engine.positionBytes);
  const loop = new RequestLoop(engine, limits, values.dtype);
  const stats = new GenerationStats();
  const start = performance.now();
  const texts = await Promise.all(
    requests.map(async (request) => {
      const ids = [];
      for await (const event of loop.submit({ ...request, stats })) if (event.kind === "token") ids.push(event.id);
      return ids;
    }),
  );
  const ms = performance.now() - start;
  loop.clear();
  return { ms, stats, texts };
}

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const rates = { single: [], batch: [], decodeSingle: [], decodeBatch: [], prefillSingle: [], prefillBatch: [] };
const count = prompts * tg;
let equal = 0;
try {
  await run([row(promptIds(pp, 0))]);
  for (let round = 0; round < rounds; round++) {
    const rows = Array.from({ length: prompts }, (_, i) => row(promptIds(pp, round * prompts + i + 1)));
    const alone = [];
    for (const one of rows) alone.push(await run([one]));
    const together = await run(rows);
    const sum = (key) => alone.reduce((total, { stats }) => total + stats[key], 0);
    rates.single.push((count * 1000) / alone.reduce((total, { ms }) => total + ms, 0));
    rates.batch.push((count * 1000) / together.ms);
    rates.decodeSingle.push((prompts * (tg - 1) * 1000) / sum("decodeMs"));
    rates.decodeBatch.push((prompts * (tg - 1) * 1000) / together.stats.decodeMs);
    rates.prefillSingle.push((prompts * pp * 1000) / sum("prefillMs"));
    rates.prefillBatch.push((prompts * pp * 1000) / together.stats.prefillMs);
    equal += alone.filter(({ texts }, i) => texts[0].join() === together.texts[i].join()).length;
  }
  const line = (name, one, many) =>
    console.log(
      `${name.padEnd(24)} ${median(one).toFixed(1).padStart(8)} ${median(many).toFixed(1).padStart(8)}  ${median(
        many.map((rate, i) => rate / one[i]),
      )
        .toFixed(2)
        .padStart(5)} (${many.map((rate, i) => (rate / one[i]).toFixed(2)).join(", ")})`,
    );
  console.log(
    `${values.preset}, ${layers} layers, ${values.dtype}, ${worldSize} ranks x ${engine.threadsPerRank} threads; ${prompts} prompts of ${pp} tokens, ${tg} new tokens each`,
  );
  console.log(`${"tok/s".padEnd(24)} ${"single".padStart(8)} ${"batch".padStart(8)}  ratio`);
  line("new tokens, total time", rates.single, rates.batch);
  line("decode only", rates.decodeSingle, rates.decodeBatch);
  line("prefill only", rates.prefillSingle, rates.prefillBatch);
  console.log(`equal texts: ${equal} of ${rounds * prompts}`);
  if (shared > 0) {
    const rows = Array.from({ length: prompts }, (_, i) => row(promptIds(shared + pp, i + 1, shared)));
    const { ms, stats } = await run(rows);
    console.log(
      `${prompts} prompts of ${shared + pp} tokens with a shared prefix of ${shared}: ${stats.promptTokens} prompt tokens run, ${stats.reusedTokens} copied, ${((count * 1000) / ms).toFixed(1)} tok/s in total`,
    );
  }
} finally {
  await engine.close();
}
