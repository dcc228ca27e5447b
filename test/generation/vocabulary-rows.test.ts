/** Models whose matrices have more rows than the tokenizer has tokens, or fewer. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type GenerateOptions, Llama } from "../../src/index.js";
import { demo } from "../folders.js";
import { hfTensors, type StoredTensor, writeHfFolder } from "../model/hugging-face-folder.js";

const TOKENS = 2048;
const root = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
const { config, tensors } = hfTensors(demo, TOKENS);
after(() => rmSync(root, { recursive: true }));

/** The demo with this number of rows: cut off, or with copies of the last rows of its embedding, and of row `copied` of its head. */
async function build(rows: number, copied: number, nprocPerNode = 1): Promise<Llama> {
  const resized = tensors.map((tensor): StoredTensor => {
    const { name, shape, data } = tensor;
    if (shape[0] !== TOKENS) return { ...tensor, dtype: "BF16" };
    const rowBytes = data.length / TOKENS;
    const from = name === "lm_head.weight" ? copied : TOKENS - 1;
    const extra = Array<Uint8Array>(Math.max(0, rows - TOKENS)).fill(
      data.subarray(from * rowBytes, (from + 1) * rowBytes),
    );
    return {
      ...tensor,
      dtype: "BF16",
      shape: [rows, shape[1]!],
      data: Buffer.concat([data.subarray(0, rows * rowBytes), ...extra]),
    };
  });
  const dir = join(root, `${rows}-${copied}-${nprocPerNode}`);
  writeHfFolder(dir, { ...config, vocab_size: rows }, resized, join(demo, "tokenizer.model"));
  return Llama.build({ ckptDir: dir, nprocPerNode, dtype: "fp32", maxSeqLen: 64, cacheDir: null });
}

async function complete(llama: Llama, options: GenerateOptions) {
  for await (const { done } of llama.stream("Once upon a time", { maxGenLen: 12, ...options })) if (done) return done;
  throw new Error("no end");
}

const COMMA = 1997;

describe("rows beyond the tokenizer", () => {
  let plain: Llama;
  let padded: Llama;
  before(async () => {
    plain = await Llama.build({ ckptDir: demo, nprocPerNode: 1, maxSeqLen: 64 });
    // 60 more rows are as likely as ",", the first token: with them it has 1 / 61 of the probability.
    padded = await build(TOKENS + 60, COMMA, 3);
  });
  after(() => Promise.all([plain, padded].map((llama) => llama.close())));

  test("are never chosen, by greedy search or by sampling, and are in no list", async () => {
    const greedy = { temperature: 0, logprobs: true, topLogprobs: 20, echo: true };
    const [expected, found] = [await complete(plain, greedy), await complete(padded, greedy)];
    assert.equal(expected.ids[0], COMMA);
    assert.deepEqual(found.ids, expected.ids);
    for (const { top } of [...found.logprobs!, ...found.promptLogprobs!]) assert.ok(top.every(({ id }) => id < TOKENS));
    for (let seed = 1; seed <= 20; seed++) {
      const { ids } = await complete(padded, { temperature: 1.5, topP: 1, seed, repetitionPenalty: 1.1, maxGenLen: 3 });
      assert.ok(
        ids.every((id) => id < TOKENS),
        ids.join(),
      );
    }
    const { tokens } = await padded.generate([[1, 416, 425, 261, 394]], { temperature: 0, maxGenLen: 12 });
    assert.deepEqual(tokens[0], expected.ids);
  });

  test("are part of the sum that log-probabilities are shares of, as in transformers", async () => {
    const options = { temperature: 0, logprobs: true, maxGenLen: 1 };
    const [expected, found] = [await complete(plain, options), await complete(padded, options)];
    const share = Math.exp(expected.logprobs![0]!.logprob!);
    const logprob = Math.log(share / (1 + 60 * share));
    assert.ok(
      Math.abs(found.logprobs![0]!.logprob! - logprob) < 1e-4,
      `${found.logprobs![0]!.logprob}, not ${logprob}`,
    );
  });

  test("are allowed in prompts and in logit_bias; ids beyond the rows are not", async () => {
    await padded.logits([1, TOKENS + 59]);
    await complete(padded, { temperature: 0, logitBias: { [TOKENS + 59]: 100 }, maxGenLen: 1 });
    const outside = { name: "LlamaError", kind: "usage", message: /ids from 0 to 2107, found 2108/ };
    await assert.rejects(padded.logits([1, TOKENS + 60]), outside);
    await assert.rejects(complete(padded, { logitBias: { [TOKENS + 60]: 1 } }), outside);
  });
});

describe("tokens without a row", () => {
  let llama: Llama;
  before(async () => {
    llama = await build(TOKENS - 8, COMMA);
  });
  after(() => llama.close());

  test("are refused by name, in prompts and in texts to score; other texts run", async () => {
    assert.equal((await complete(llama, { temperature: 0, maxGenLen: 1 })).ids[0], COMMA);
    const [text, id] = ["$", llama.tokenizer.encode("$").at(-1)!];
    assert.ok(id >= TOKENS - 8, `${id}`);
    const message = /ids from 0 to 2039, found \d+\. The tokenizer has this token, but the model has no row/;
    const refused = { name: "LlamaError", kind: "usage", message };
    await assert.rejects(llama.textCompletion([text], { maxGenLen: 1 }), refused);
    await assert.rejects(llama.scoreText([id], {}), refused);
    await assert.rejects(llama.generate([[1, id]], { maxGenLen: 1 }), refused);
  });
});
