/** What the command line says about a Hugging Face folder: its context, its output matrix, its rows. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { hfTensors, type StoredTensor, writeHfFolder } from "../model/hugging-face-folder.js";
import { DEMO, llama, temporaryFolder } from "./cli-process.js";

const root = temporaryFolder();
const { config, tensors } = hfTensors(DEMO, 2048);
const folder = (name: string, changes: object, stored: readonly StoredTensor[] = tensors) =>
  writeHfFolder(join(root, name), { ...config, ...changes }, stored, join(DEMO, "tokenizer.model"));
const TEXT = "Lily and Tom went to the park. They saw a big dog. ".repeat(4);
const GREEDY = ["--temperature", "0", "--max_gen_len", "4"];

describe("a model of 32 tokens of context", { concurrency: 2 }, () => {
  const dir = folder("32", { max_position_embeddings: 32, rope_scaling: { type: "linear", factor: 2 } });
  const generate = (...args: string[]) => llama(["generate", "--ckpt_dir", dir, ...GREEDY, ...args]);

  test("has this context, without a word about it", async () => {
    const { stderr } = await generate("--prompt", "Once", "--verbose");
    assert.match(stderr, /context 32 tokens/);
    assert.doesNotMatch(stderr, /Warning|Context of/);
    const long = await generate("--prompt", TEXT);
    assert.equal(long.code, 2, long.stderr);
    assert.match(long.stderr, /longer than the context; expected at most 32 tokens.*raise max_seq_len/);
  });

  test("may get a longer one, with a warning, and one about the prompt", async () => {
    const { code, stderr } = await generate("--prompt", TEXT, "--max_seq_len", "128");
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^Warning: --max_seq_len 128 is beyond the model's context of 32 tokens/m);
    assert.match(stderr, /^Warning: the prompt has \d+ tokens, more than the model's context of 32 tokens\.$/m);
    assert.equal((await generate("--prompt", TEXT, "--max_seq_len", "128", "--quiet")).stderr, "");
  });

  test("is the window of perplexity", async () => {
    const text = join(root, "text.txt");
    writeFileSync(text, TEXT);
    const perplexity = async (...args: string[]) => {
      const { stdout, stderr } = await llama(["score", "--perplexity", text, "--ckpt_dir", dir, "--quiet", ...args]);
      assert.equal(stderr, "");
      return JSON.parse(stdout);
    };
    const found = await perplexity();
    assert.deepEqual([found.window, found.stride], [32, 16]);
    assert.deepEqual(await perplexity("--max_seq_len", "256"), found);
    assert.equal((await perplexity("--max_seq_len", "256", "--window", "128")).window, 128);
  });

  test("is shown by inspect, with the scaling of rotation", async () => {
    const { stdout } = await llama(["inspect", dir]);
    assert.match(stdout, /^rope +theta 10000, scaled \(linear\) by 2; norm_eps /m);
    assert.match(stdout, /^context +32 tokens$/m);
    assert.match(stdout, /^output +a matrix of its own$/m);
    assert.match(stdout, /a context of 32 tokens/);
  });
});

test("inspect shows a tied output matrix, and rows beyond the tokenizer", async () => {
  const padded = tensors
    .filter(({ name }) => name !== "lm_head.weight")
    .map((tensor) => {
      if (tensor.name !== "model.embed_tokens.weight") return tensor;
      const rowBytes = tensor.data.length / 2048;
      return { ...tensor, shape: [2050, rowBytes / 2], data: Buffer.concat([tensor.data, Buffer.alloc(2 * rowBytes)]) };
    });
  const dir = folder("tied", { tie_word_embeddings: true, vocab_size: 2050 }, padded);
  const { stdout } = await llama(["inspect", dir]);
  assert.match(stdout, /^output +the embedding \(tied\)$/m);
  assert.match(stdout, /^tokenizer +SentencePiece, 2048 tokens and 2 unused rows of the model \(/m);
  const report = JSON.parse((await llama(["inspect", dir, "--json"])).stdout);
  assert.deepEqual([report.tied, report.vocab_rows, report.context, report.max_seq_len], [true, 2050, 2048, 2048]);
});

test("an output matrix that should be tied and is not is used, with a warning", async () => {
  const dir = folder("untied", { tie_word_embeddings: true });
  const { stdout, stderr } = await llama(["generate", "--ckpt_dir", dir, ...GREEDY, "--prompt", "Once upon a time"]);
  assert.equal(stdout, ", there was a\n");
  assert.match(stderr, /^Warning: tie_word_embeddings is true, but lm_head\.weight differs from model\.embed_tokens/m);
});
