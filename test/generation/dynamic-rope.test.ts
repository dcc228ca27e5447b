/** test/fixtures/dynamic-rope.json has what transformers 5 computes and generates with dynamic rope scaling, within the trained length of 32 tokens and beyond it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Llama } from "../../src/index.js";
import { dynamicTheta, ropeFrequencies } from "../../src/model/architecture/rope.js";
import { fixture, readJson } from "../folders.js";
import { hfTensors, writeHfFolder } from "../model/hugging-face-folder.js";

interface Golden {
  config: object;
  /** Every fourth frequency at a length. */
  frequencies: {
    theta: number;
    headDim: number;
    oldContext: number;
    factor: number;
    length: number;
    inv_freq: number[];
  }[];
  /** For prompts of this many ids: the first 16 logits after it, 24 greedy ids and their log-probabilities. */
  texts: { prompt: number; logits: number[]; ids: number[]; logprobs: number[] }[];
}

const golden = readJson<Golden>(fixture("dynamic-rope.json"));
const root = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(root, { recursive: true }));
const meta = fixture("llama3mini-bf16-mp1");
const { config, tensors } = hfTensors(meta, 768);
const dir = writeHfFolder(join(root, "model"), { ...config, ...golden.config }, tensors, join(meta, "tokenizer.model"));
/** Prompts begin the same, so that they would share KV caches. */
const promptOf = (length: number) => Array.from({ length }, (_, i) => (i * 37 + 11) % 768);

test("the frequencies of a length are those of transformers", () => {
  for (const { theta, headDim, oldContext, factor, length, inv_freq } of golden.frequencies) {
    const rope = { headDim, ropeTheta: theta, ropeScaling: { kind: "dynamic" as const, factor, oldContext } };
    const found = ropeFrequencies({ ...rope, ropeTheta: dynamicTheta(rope, length) });
    inv_freq.forEach((expected, i) => {
      const difference = Math.abs(found[4 * i]! - expected) / expected;
      assert.ok(difference < 1e-6, `${length} of ${oldContext}, pair ${4 * i}: ${found[4 * i]}, not ${expected}`);
    });
  }
});

describe("a model with dynamic rope scaling", async () => {
  const llama = await Llama.build({ ckptDir: dir, nprocPerNode: 2, dtype: "fp32", maxSeqLen: 96 });
  after(() => llama.close());

  async function matches({ prompt, ids, logprobs }: Golden["texts"][number], options: object = {}): Promise<void> {
    const request = { temperature: 0, maxGenLen: 24, logprobs: true, ...options };
    for await (const { done } of llama.stream(promptOf(prompt), request)) {
      if (done === null) continue;
      assert.deepEqual(done.ids, ids, `prompt of ${prompt}`);
      const differences = done.logprobs!.map(({ logprob }, i) => Math.abs(logprob! - logprobs[i]!));
      assert.ok(Math.max(...differences) < 2e-4, `prompt of ${prompt}: ${differences}`);
    }
  }

  test("has the context that it was trained for, unless a longer one is asked for", async () => {
    await using plain = await Llama.build({ ckptDir: dir, nprocPerNode: 1 });
    assert.equal(plain.maxSeqLen, 32);
    assert.equal(llama.maxSeqLen, 96);
  });

  for (const { prompt, logits } of golden.texts) {
    test(`has the logits of transformers after a prompt of ${prompt}`, async () => {
      const found = await llama.logits(promptOf(prompt));
      const differences = logits.map((logit, id) => Math.abs(found[id]! - logit));
      assert.ok(Math.max(...differences) < 1e-4, `${differences}`);
    });
  }

  test("generates what transformers does, one prompt after another in any order, and all at once", async () => {
    for (const text of [...golden.texts, ...golden.texts.toReversed()]) await matches(text);
    await Promise.all([...golden.texts, ...golden.texts].map((text) => matches(text)));
  });

  test("generates the same with drafts", async () => {
    for (const text of golden.texts) await matches(text, { promptLookupNumTokens: 4 });
  });
});
