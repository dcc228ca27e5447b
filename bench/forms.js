#!/usr/bin/env node
/**
 * Measures what forms cost: decode with a schema against decode without one, alone and in a batch of 16 rows with 16 schemas, in
 * alternating rounds; the time to read the vocabulary and to compile a schema of 200 lines; memory.
 *   node bench/forms.js [--rounds 7] [--max_gen_len 64] [--rows 16] [--dtype int4] [--nproc_per_node 1] [--ckpt_dir DIR]
 */
import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compileForm } from "../dist/src/generation/form/compile-form.js";
import { CompiledForms } from "../dist/src/generation/form/compiled-forms.js";
import { Llama } from "../dist/src/index.js";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    max_gen_len: { type: "string", default: "64" },
    rows: { type: "string", default: "16" },
    nproc_per_node: { type: "string", default: "1" },
    dtype: { type: "string" },
    ckpt_dir: { type: "string", default: fileURLToPath(new URL("../models/demo", import.meta.url)) },
  },
});
const [rounds, maxGenLen, rows] = ["rounds", "max_gen_len", "rows"].map((name) => Number(values[name]));

/** A list without end of records, other ones for each row. */
const records = (row) => ({
  type: "array",
  minItems: 100,
  items: {
    type: "object",
    properties: {
      [`name_${row}`]: { type: "string", maxLength: 30 + row },
      text: { type: "string" },
      count: { type: "integer", minimum: 0, maximum: 100 + row },
      kind: { enum: ["red", "green", `blue_${row}`] },
      when: { type: "string", format: "date-time" },
    },
    required: [`name_${row}`, "text", "count", "kind"],
    additionalProperties: false,
  },
});

/** 200 lines when it is written with an indent. */
function longSchema() {
  const properties = {};
  for (let i = 0; JSON.stringify({ type: "object", properties }, null, 2).split("\n").length < 200; i++) {
    properties[`field_${i}`] = [
      { type: "string", maxLength: 100 },
      { type: "object", properties: { a: { type: "number" }, b: { type: ["string", "null"] } }, required: ["a"] },
      { type: "array", items: { type: "string", pattern: "^[A-Z]{2}-[0-9]{4}$" }, maxItems: 10 },
    ][i % 3];
  }
  return { type: "object", properties };
}

const shown = (numbers, digits) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const [low, median, high] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)].map((x) => x.toFixed(digits));
  return `${median} (${low} to ${high})`;
};

const llama = await Llama.build({
  ckptDir: values.ckpt_dir,
  nprocPerNode: Number(values.nproc_per_node),
  maxSeqLen: 512,
  ...(values.dtype && { dtype: values.dtype }),
});
console.log(`${cpus()[0]?.model}, ${availableParallelism()} cores, Node ${process.version}; ${JSON.stringify(values)}`);

const heap = () => {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1e6;
};
const before = heap();
const forms = new CompiledForms(llama.tokenizer, llama.config.vocabSize);
let start = performance.now();
await forms.load();
console.log(
  `vocabulary of ${llama.tokenizer.vocabSize} tokens: ${(performance.now() - start).toFixed(0)} ms, ${(heap() - before).toFixed(0)} MB`,
);
const schema = longSchema();
const times = Array.from({ length: rounds }, () => {
  start = performance.now();
  compileForm({ jsonSchema: schema });
  return performance.now() - start;
});
console.log(`schema of 200 lines: compiled in ${shown(times, 1)} ms`);

/** Tokens a second of `count` rows, from the first token of each to its last; tokens a step, and milliseconds of all cores a token. */
async function run(count, isBound, round) {
  const used = process.cpuUsage();
  const spans = await Promise.all(
    Array.from({ length: count }, async (_, row) => {
      const form = isBound ? { form: { jsonSchema: records(row) } } : {};
      const options = {
        temperature: 1,
        topP: 1,
        seed: round * 100 + row,
        maxGenLen,
        promptLookupNumTokens: 0,
        ...form,
      };
      let first = 0;
      for await (const { id, done } of llama.stream("Once upon a time", options)) {
        if (id !== null && first === 0) first = performance.now();
        if (done)
          return { first, end: performance.now(), tokens: done.ids.length - 1, steps: done.timings.tokensPerStep };
      }
      throw new Error("the stream ended without a completion");
    }),
  );
  const first = Math.min(...spans.map((span) => span.first));
  const end = Math.max(...spans.map((span) => span.end));
  const tokens = spans.reduce((sum, span) => sum + span.tokens, 0);
  const { user, system } = process.cpuUsage(used);
  return {
    speed: (tokens * 1000) / (end - first),
    cpu: (user + system) / 1000 / tokens,
    steps: spans.reduce((sum, span) => sum + span.steps, 0) / count,
  };
}

for (const count of new Set([1, rows])) {
  const [free, bound, ratios, steps, freeCpu, boundCpu] = [[], [], [], [], [], []];
  for (let round = -1; round < rounds; round++) {
    const order = round % 2 === 0 ? [false, true] : [true, false];
    const results = new Map();
    for (const isBound of order) results.set(isBound, await run(count, isBound, round + 1));
    if (round < 0) continue;
    free.push(results.get(false).speed);
    bound.push(results.get(true).speed);
    ratios.push(results.get(true).speed / results.get(false).speed);
    steps.push(results.get(true).steps);
    freeCpu.push(results.get(false).cpu);
    boundCpu.push(results.get(true).cpu);
  }
  console.log(`\n${count} ${count === 1 ? "row" : `rows, each with a schema of its own`}`);
  console.log(`  without  ${shown(free, 1)} tok/s`);
  console.log(`  schema   ${shown(bound, 1)} tok/s, ${shown(steps, 2)} tokens per step`);
  console.log(`  ratio    ${shown(ratios, 2)}`);
  console.log(
    `  CPU time a token, prompt included: ${shown(freeCpu, 1)} ms without, ${shown(boundCpu, 1)} ms with a schema`,
  );
}
console.log(
  `\nheap and buffers at the end: ${heap().toFixed(0)} MB; resident ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`,
);
await llama.close();
