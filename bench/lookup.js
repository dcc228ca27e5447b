#!/usr/bin/env node
/**
 * Measures what prompt lookup gains on a text that repeats itself, and what it costs on texts that do not: decode speed
 * from the first to the last token, with and without it, in alternating rounds.
 *   node bench/lookup.js [--rounds 15] [--nproc_per_node 1] [--max_gen_len 200] [--temperature 0] [--ckpt_dir DIR]
 */
import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Llama } from "../dist/src/index.js";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "15" },
    nproc_per_node: { type: "string", default: "1" },
    max_gen_len: { type: "string", default: "200" },
    temperature: { type: "string", default: "0" },
    ckpt_dir: { type: "string", default: fileURLToPath(new URL("../models/demo", import.meta.url)) },
  },
});

// The demo model repeats itself after the first prompt, and writes stories after the others.
const PROMPTS = ["I love you, mom. I love you, dad. ".repeat(12), "Once upon a time", "The sun was hot.\nSam was"];

const llama = await Llama.build({
  ckptDir: values.ckpt_dir,
  nprocPerNode: Number(values.nproc_per_node),
  maxSeqLen: 512,
});
const common = { temperature: Number(values.temperature), maxGenLen: Number(values.max_gen_len), seed: 1 };

async function run(prompt, promptLookupNumTokens) {
  let first = 0;
  for await (const { done } of llama.stream(prompt, { ...common, promptLookupNumTokens })) {
    if (first === 0) first = performance.now();
    if (done) {
      const speed = ((done.ids.length - 1) * 1000) / (performance.now() - first);
      return { speed, ids: done.ids.join(), steps: done.timings.tokensPerStep };
    }
  }
  throw new Error("the stream ended without a completion");
}

const shown = (numbers, digits) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const [low, median, high] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)].map((x) => x.toFixed(digits));
  return `${median} (${low} to ${high})`;
};

console.log(`${cpus()[0]?.model}, ${availableParallelism()} cores, Node ${process.version}; ${JSON.stringify(values)}`);
for (const prompt of PROMPTS) {
  const [off, auto, ratios, steps] = [[], [], [], []];
  let same = true;
  for (let round = -2; round < Number(values.rounds); round++) {
    // The order alternates.
    const order = round % 2 === 0 ? [0, "auto"] : ["auto", 0];
    const results = new Map();
    for (const count of order) results.set(count, await run(prompt, count));
    same &&= results.get(0).ids === results.get("auto").ids;
    if (round < 0) continue;
    off.push(results.get(0).speed);
    auto.push(results.get("auto").speed);
    ratios.push(results.get("auto").speed / results.get(0).speed);
    steps.push(results.get("auto").steps);
  }
  console.log(`\n${JSON.stringify(prompt.slice(0, 50))}: ${same ? "the same ids" : "DIFFERENT IDS"}`);
  console.log(`  off   ${shown(off, 0)} tok/s`);
  console.log(`  auto  ${shown(auto, 0)} tok/s, ${shown(steps, 2)} tokens per step`);
  console.log(`  ratio ${shown(ratios, 2)}`);
}
await llama.close();
