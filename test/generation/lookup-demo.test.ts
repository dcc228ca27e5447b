/** Prompt lookup on the demo model: the golden ids with and without it, for one and two ranks. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Llama, LlamaError } from "../../src/index.js";
import { demo, readJson } from "../folders.js";

const { cases } = readJson<{ cases: { ids: number[]; greedy_ids: number[] }[] }>(join(demo, "golden.json"));
/** After this text the demo model repeats itself. */
const LOOP = "I love you, mom. I love you, dad. ".repeat(12);
const COUNTS = [0, 1, 7, "auto"] as const;

for (const nprocPerNode of [1, 2]) {
  test(`greedy ids equal the golden ids with ${nprocPerNode} ranks`, async () => {
    const llama = await Llama.build({ ckptDir: demo, nprocPerNode, threadsPerRank: 1, maxSeqLen: 512 });
    try {
      const loop = llama.tokenizer.encode(LOOP, { bos: true, eos: false });
      const plain = await llama.generate([loop], { temperature: 0, maxGenLen: 120, promptLookupNumTokens: 0 });
      assert.equal(plain.timings.tokensPerStep, 1);
      for (const promptLookupNumTokens of COUNTS) {
        const options = { temperature: 0, maxGenLen: 64, promptLookupNumTokens };
        const prompts = cases.map(({ ids }) => ids);
        const { tokens } = await llama.generate(prompts, { ...options, logprobs: true });
        for (const [i, { greedy_ids }] of cases.entries()) {
          const end = greedy_ids.findIndex((id) => llama.tokenizer.stopIds.has(id));
          assert.deepEqual(tokens[i], end < 0 ? greedy_ids : greedy_ids.slice(0, end));
        }
        const copied = await llama.generate([loop], { ...options, maxGenLen: 120, logprobs: true });
        assert.deepEqual(copied.tokens, plain.tokens);
        assert.equal(copied.logprobs![0]!.length, 120);
        if (promptLookupNumTokens === 7) assert.ok(copied.timings.tokensPerStep! > 2);
      }
      const full = await llama.generate([loop], { temperature: 0, promptLookupNumTokens: 7 });
      assert.equal(loop.length + full.tokens[0]!.length, 512);
    } finally {
      await llama.close();
    }
  });
}

test("a sampled text is the same with drafts, and repeatable", async () => {
  const llama = await Llama.build({ ckptDir: demo, nprocPerNode: 1, threadsPerRank: 1, maxSeqLen: 512 });
  try {
    const ids = llama.tokenizer.encode(LOOP, { bos: true, eos: false });
    const run = (promptLookupNumTokens: number | "auto") =>
      llama.generate([ids], { temperature: 0.4, seed: 5, maxGenLen: 60, promptLookupNumTokens });
    const [plain, always, auto, again] = [await run(0), await run(7), await run("auto"), await run("auto")];
    assert.deepEqual(always.tokens, plain.tokens);
    assert.deepEqual(auto.tokens, plain.tokens);
    assert.ok(always.timings.acceptedTokens > 0);
    // The drafts depend only on the text, not on the clock.
    assert.equal(again.timings.draftTokens, auto.timings.draftTokens);
    await assert.rejects(run(-1), LlamaError);
    await assert.rejects(run(1.5), /prompt_lookup_num_tokens/);
  } finally {
    await llama.close();
  }
});

test("with quantised weights a greedy text is repeatable, since drafts do not depend on the clock", async () => {
  // A model for each run: the second of one model would continue in the KV cache of the first, whose last bits differ.
  const runs = [];
  for (let i = 0; i < 2; i++) {
    const llama = await Llama.build({ ckptDir: demo, nprocPerNode: 1, dtype: "int8", maxSeqLen: 512, cacheDir: null });
    try {
      const ids = llama.tokenizer.encode(LOOP, { bos: true, eos: false });
      runs.push(await llama.generate([ids], { temperature: 0, maxGenLen: 150 }));
    } finally {
      await llama.close();
    }
  }
  const [first, second] = runs;
  assert.ok(first!.timings.acceptedTokens > 0);
  assert.deepEqual(second!.tokens, first!.tokens);
  assert.equal(second!.timings.draftTokens, first!.timings.draftTokens);
});
