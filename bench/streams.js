#!/usr/bin/env node
import { monitorEventLoopDelay } from "node:perf_hooks";
/**
 * Many streams of one model at once: their throughput beside one batch of the same prompts, the gaps between tokens of running
 * streams while a long prompt comes in, and how long the event loop waits.
 *   node bench/streams.js [--ckpt_dir DIR] [--dtype fp32] [--nproc_per_node 2] [--streams 8] [--tg 64] [--rounds 5]
 *                         [--running 4] [--pp 400] [--step_ms 1000] [--rows 16]
 */
import { parseArgs } from "node:util";
import { demoModel, Llama } from "../dist/src/index.js";

const text = (value) => ({ type: "string", default: value });
const { values } = parseArgs({
  options: {
    ckpt_dir: { type: "string" },
    tokenizer_path: { type: "string" },
    dtype: text("auto"),
    nproc_per_node: text("auto"),
    streams: text("8"),
    tg: text("64"),
    rounds: text("5"),
    running: text("4"),
    pp: text("400"),
    step_ms: text("1000"),
    rows: text("16"),
  },
});
const number = (name) => Number(values[name]);
const [tg, pp] = [number("tg"), number("pp")];
const model = values.ckpt_dir
  ? { ckptDir: values.ckpt_dir, ...(values.tokenizer_path && { tokenizerPath: values.tokenizer_path }) }
  : demoModel;
const ranks = values.nproc_per_node === "auto" ? "auto" : number("nproc_per_node");
const llama = await Llama.build({
  ...model,
  dtype: values.dtype,
  nprocPerNode: ranks,
  maxSeqLen: Math.max(512, pp + 2 * tg),
  stepMs: number("step_ms"),
});
console.log(
  `${llama.config.nLayers} layers of ${llama.config.dim}, vocabulary ${llama.config.vocabSize}, ${llama.dtype}, ${llama.worldSize} x ${llama.threadsPerRank}`,
);

/** Never ends before the length, and takes no KV cache of an earlier run. */
const options = {
  temperature: 0,
  maxGenLen: tg,
  promptLookupNumTokens: 0,
  cachePrompt: false,
  logitBias: Object.fromEntries([...llama.tokenizer.stopIds].map((id) => [id, -Infinity])),
};
const ids = (length, seed) =>
  Array.from({ length }, (_, i) => 300 + (((Math.imul(i + 1, 0x9e3779b1) + seed * 7919) >>> 0) % 1500));

async function stream(promptIds, more = {}, onToken = () => {}) {
  let all = null;
  for await (const { id, done } of llama.stream(promptIds, { ...options, ...more })) {
    if (id !== null) onToken();
    if (done) all = done.ids;
  }
  return all.join();
}

async function batch(prompts) {
  const { promptLookupNumTokens, ...rest } = options;
  const texts = [];
  const requests = prompts.map((prompt, tag) => ({ tag, prompt, options: rest }));
  for await (const { tag, completion } of llama.batch(requests, { promptLookupNumTokens })) {
    texts[tag] = completion.ids.join();
  }
  return texts;
}

async function timed(work) {
  const start = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - start) / 1000 };
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const quantile = (list, share) => [...list].sort((a, b) => a - b)[Math.floor(list.length * share)];

const count = number("streams");
await stream(ids(16, 1));
const rates = { streams: [], batch: [], ratio: [] };
let equal = 0;
for (let round = 0; round < number("rounds"); round++) {
  const prompts = Array.from({ length: count }, (_, i) => ids(16, 1 + round * count + i));
  const one = await timed(() => Promise.all(prompts.map((prompt) => stream(prompt))));
  const other = await timed(() => batch(prompts));
  rates.streams.push((count * tg) / one.seconds);
  rates.batch.push((count * tg) / other.seconds);
  rates.ratio.push(other.seconds / one.seconds);
  for (const [i, prompt] of prompts.entries()) if ((await stream(prompt)) === one.result[i]) equal++;
}
console.log(
  `${count} streams ${median(rates.streams).toFixed(1)} tok/s, one batch ${median(rates.batch).toFixed(1)} tok/s, ratio ${median(rates.ratio).toFixed(2)} (${Math.min(...rates.ratio).toFixed(2)} to ${Math.max(...rates.ratio).toFixed(2)})`,
);
console.log(`texts equal to those of single runs: ${equal} of ${count * number("rounds")}`);

/** Milliseconds between the tokens of `running` streams while `work` runs. */
async function gaps(running, work) {
  const found = [];
  const controller = new AbortController();
  const streams = Array.from({ length: running }, (_, i) => {
    let last = null;
    return stream(ids(16, 900 + i), { maxGenLen: llama.maxSeqLen - 16, signal: controller.signal }, () => {
      const now = performance.now();
      if (last !== null) found.push(now - last);
      last = now;
    });
  });
  while (found.length < running * 4) await new Promise((resolve) => setTimeout(resolve, 5));
  found.length = 0;
  await work();
  controller.abort();
  await Promise.all(streams);
  return found;
}

const running = number("running");
const alone = await gaps(running, () => new Promise((resolve) => setTimeout(resolve, 2000)));
let first = 0;
const beside = await gaps(running, async () => {
  const { seconds } = await timed(() => stream(ids(pp, 77), { maxGenLen: 1 }));
  first = seconds;
});
const line = (list) =>
  `p50 ${quantile(list, 0.5).toFixed(0)} ms, p99 ${quantile(list, 0.99).toFixed(0)} ms, ${list.length} gaps`;
console.log(`${running} running streams, alone: ${line(alone)}`);
console.log(`beside a prompt of ${pp} tokens: ${line(beside)}; its first token after ${first.toFixed(1)} s`);

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
await Promise.all(
  Array.from({ length: number("rows") }, (_, i) => stream(ids(16, 500 + i), { temperature: 0.8, topP: 0.95, seed: i })),
);
delay.disable();
console.log(
  `event loop with ${values.rows} sampled requests: delay p50 ${(delay.percentile(50) / 1e6).toFixed(1)} ms, p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms, largest ${(delay.max / 1e6).toFixed(1)} ms`,
);
await llama.close();
