#!/usr/bin/env node
/**
 * Compares `eval`'s way through multiple choice with scoring one request after another: the same documents, in turns, on one model.
 * Documents are made up in the shape of HellaSwag's: a context, and four endings of it.
 *   node bench/evaluation.js [--documents 1000] [--rounds 3] [--ckpt_dir DIR] [--dtype auto] [--nproc_per_node 1] [--max_seq_len 512]
 * Ways: "eval"; "one by one" is llama.score() with one request at a time, in which later choices find the context in a KV cache;
 * "alone" runs every request whole, as a program does that sends each to a server without a cache. Prints one JSON object.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { RequestEncoder } from "../dist/src/evaluation/run/request-encoder.js";
import { requestKey } from "../dist/src/evaluation/run/request-key.js";
import { runWork } from "../dist/src/evaluation/run/run-work.js";
import { planWork } from "../dist/src/evaluation/run/work-plan.js";
import { createRandom } from "../dist/src/generation/sampling/random.js";
import { GenerationStats, Llama } from "../dist/src/index.js";

const { values: options } = parseArgs({
  options: {
    documents: { type: "string", default: "1000" },
    rounds: { type: "string", default: "3" },
    ckpt_dir: { type: "string", default: fileURLToPath(new URL("../models/demo", import.meta.url)) },
    tokenizer_path: { type: "string" },
    dtype: { type: "string", default: "auto" },
    nproc_per_node: { type: "string", default: "1" },
    max_seq_len: { type: "string", default: "512" },
  },
});

const random = createRandom(1);
const pick = (words) => words[Math.floor(random() * words.length)];
const NAMES = ["Tom", "Lily", "Ben", "Mia", "Sam", "Anna", "Max", "Zoe", "Tim", "Sue"];
const THINGS = ["red ball", "small dog", "blue kite", "big tree", "toy car", "yellow bird", "warm hat", "sweet apple"];
const PLACES = ["park", "garden", "house", "school", "forest", "river", "beach", "shop", "farm", "kitchen"];
const VERBS = ["saw", "found", "liked", "wanted", "lost", "took", "painted", "carried"];
const sentence = () => `${pick(NAMES)} went to the ${pick(PLACES)} and ${pick(VERBS)} a ${pick(THINGS)}.`;
const ending = () =>
  ` ${pick(NAMES)} ${pick(VERBS)} the ${pick(THINGS)} near the ${pick(PLACES)}, and then they went home.`;

/** Requests as a task makes them: four for each document. HellaSwag's contexts have some 60 tokens, its endings some 25. */
const requests = Array.from({ length: Number(options.documents) }, (_, document) => {
  const context = `Playing: ${sentence()} ${sentence()} ${sentence()} ${sentence()}`;
  return Array.from({ length: 4 }, () => {
    const request = { kind: "loglikelihood", context, continuation: ending() };
    return { key: `${document} ${requestKey(request)}`, request, task: "made up", document };
  });
}).flat();

const llama = await Llama.build({
  ckptDir: options.ckpt_dir,
  ...(options.tokenizer_path && { tokenizerPath: options.tokenizer_path }),
  dtype: options.dtype,
  nprocPerNode: Number(options.nproc_per_node),
  maxSeqLen: Number(options.max_seq_len),
});
const encoder = new RequestEncoder(llama.tokenizer, llama.maxSeqLen, "auto");

async function byEval() {
  const stats = new GenerationStats();
  const sums = new Map();
  const plan = await planWork(requests, encoder);
  for await (const { key, response } of runWork(llama, plan, { stats })) sums.set(key, response.logLikelihood);
  return { stats, sums };
}

async function oneByOne() {
  const stats = new GenerationStats();
  const sums = new Map();
  const pairs = requests.map(({ key, request: { context, continuation } }) => ({ tag: key, context, continuation }));
  for await (const { tag, score } of llama.score(pairs, { concurrency: 1, stats })) sums.set(tag, score.logprob);
  return { stats, sums };
}

async function alone() {
  const stats = new GenerationStats();
  const sums = new Map();
  for (const { key, request } of requests) {
    const { context, continuation } = encoder.encode(request).parts[0];
    let sum = 0;
    const options = { maxGenLen: 1, temperature: 0, logprobs: true, echo: true, cachePrompt: false };
    for await (const event of llama.submit({ prompt: [...context, ...continuation], ...options })) {
      if (event.kind !== "end") continue;
      const scores = event.completion.promptLogprobs.slice(context.length);
      sum = scores.reduce((total, { logprob }) => total + logprob, 0);
      stats.promptTokens += event.completion.promptIds.length;
    }
    sums.set(key, sum);
  }
  return { stats, sums };
}

const ways = { eval: byEval, "one by one": oneByOne, alone };
const seconds = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
const cpu = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
const tokens = {};
let reference = null;
let largest = 0;
for (let round = 0; round < Number(options.rounds); round++) {
  for (const [name, way] of Object.entries(ways)) {
    const start = performance.now();
    const before = process.cpuUsage();
    const { stats, sums } = await way();
    seconds[name].push((performance.now() - start) / 1000);
    const { user, system } = process.cpuUsage(before);
    cpu[name].push((user + system) / 1e6);
    tokens[name] = { computed: stats.promptTokens, found: stats.reusedTokens };
    reference ??= sums;
    for (const [key, sum] of sums) largest = Math.max(largest, Math.abs(sum - reference.get(key)));
  }
}
await llama.close();

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const ratios = (name) => seconds[name].map((value, i) => value / seconds.eval[i]);
const round = (value) => Math.round(value * 1000) / 1000;
const shown = Object.keys(ways).map((name) => {
  const times = { seconds: round(median(seconds[name])), cpu_seconds: round(median(cpu[name])), ...tokens[name] };
  const factors = ratios(name);
  const range = [Math.min(...factors), Math.max(...factors)].map(round);
  return [name, name === "eval" ? times : { ...times, times_slower: round(median(factors)), range }];
});
console.log(
  JSON.stringify({
    documents: Number(options.documents),
    requests: requests.length,
    ...Object.fromEntries(shown),
    largest_difference: largest,
  }),
);
