/** Runs a Hugging Face folder whose tokenizer adds no BOS: prompts, long texts, added tokens, stops, and what scores without BOS mean. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Completion, type GenerateOptions, Llama } from "../../src/index.js";
import { fixture } from "../folders.js";
import { hfTensors, writeHfFolder } from "../model/hugging-face-folder.js";
import { llama3Json } from "../tokenizer/tokenizer-json.js";

const meta = fixture("llama3mini-bf16-mp1");
const model = join(meta, "tokenizer.model");
const root = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
let llama: Llama;
/** The token that greedy decoding gives after "Hi". */
let next: number;

/** A folder with files of its own, and without tokenizer.model. */
function folder(name: string, files: Record<string, object>): string {
  const { config, tensors } = hfTensors(meta, 768);
  const dir = writeHfFolder(join(root, name), config, tensors, model, 1);
  rmSync(join(dir, "tokenizer.model"));
  for (const [file, content] of Object.entries(files)) writeFileSync(join(dir, file), JSON.stringify(content));
  return dir;
}

const { post_processor: _, ...json } = llama3Json(model);
const noBos = { ...json, post_processor: null };

async function complete(of: Llama, prompt: string, options: GenerateOptions): Promise<Completion> {
  for await (const { done } of of.stream(prompt, options)) if (done) return done;
  throw new Error("no end");
}

async function total(context: readonly number[], continuation: readonly number[]): Promise<number> {
  for await (const { score, error } of llama.score([{ tag: 0, context, continuation }])) {
    if (error) throw error;
    return score.logprob;
  }
  return Number.NaN;
}

describe("a folder whose tokenizer adds no BOS", () => {
  before(async () => {
    llama = await Llama.build({ ckptDir: folder("plain", { "tokenizer.json": noBos }), maxSeqLen: 256 });
    const { tokens } = await llama.generate([llama.tokenizer.encode("Hi")], { temperature: 0, maxGenLen: 1 });
    next = tokens[0]![0]!;
  });
  after(async () => {
    await llama.close();
    rmSync(root, { recursive: true });
  });

  test("prompts begin with their text", async () => {
    const { promptIds } = await complete(llama, "Hi", { maxGenLen: 1 });
    assert.deepEqual(promptIds, llama.tokenizer.encode("Hi"));
  });

  test("windows of perplexity: the first begins with BOS, the others with the token before them", async () => {
    const ids = llama.tokenizer.encode("Once upon a time there was a dog. ".repeat(4));
    const { logprob } = await llama.scoreText(ids, { window: 32, stride: 16 });
    let expected = await total([llama.tokenizer.bosId!], ids.slice(0, 31));
    for (let from = 16, scored = 31; scored < ids.length; from += 16) {
      const end = Math.min(ids.length, from + 31);
      expected += await total(ids.slice(from - 1, scored), ids.slice(scored, end));
      scored = end;
    }
    assert.ok(Math.abs(logprob - expected) < 1e-3, `${logprob} and ${expected}`);
  });

  test("an empty context is BOS", async () => {
    const ids = llama.tokenizer.encode("Once upon");
    for await (const { score } of llama.score([{ tag: 0, context: "", continuation: "Once upon" }])) {
      assert.ok(Math.abs(score!.logprob - (await total([llama.tokenizer.bosId!], ids))) < 1e-5);
      assert.equal(score!.contextTokens, 1);
    }
  });

  test("a stop that only generation_config.json names ends a text", async () => {
    const dir = folder("stop", { "tokenizer.json": noBos, "generation_config.json": { eos_token_id: [next] } });
    const stopped = await Llama.build({ ckptDir: dir, maxSeqLen: 64 });
    const result = await complete(stopped, "Hi", { temperature: 0, maxGenLen: 4 });
    await stopped.close();
    assert.deepEqual([result.text, result.finishReason], ["", "stop"]);
  });

  test("an added token that is text is printed, one that is special is not", async () => {
    const text = async (special: boolean) => {
      // The token of the vocabulary becomes an added one.
      const token = Object.entries(json.model.vocab).find(([, id]) => id === next)![0];
      const added = { id: next, content: token, special, normalized: false };
      const file = { ...noBos, added_tokens: [...json.added_tokens, added] };
      const other = await Llama.build({
        ckptDir: folder(`added-${special}`, { "tokenizer.json": file }),
        maxSeqLen: 64,
      });
      const result = await complete(other, "Hi", { temperature: 0, maxGenLen: 1 });
      await other.close();
      return result.text;
    };
    assert.notEqual(await text(false), "");
    assert.equal(await text(true), "");
  });

  test("a long text has the same ids from the thread", async () => {
    const added = { id: 766, content: "<|long|>", special: false, normalized: false };
    const file = { ...noBos, added_tokens: [...json.added_tokens.filter(({ id }) => id < 766), added] };
    const dir = folder("long", { "tokenizer.json": file, "added_tokens.json": { "<|more|>": 767 } });
    const long = await Llama.build({ ckptDir: dir, maxSeqLen: 16384 });
    const prompt = "Once upon<|long|> a <|more|> time. ".repeat(600);
    const { promptIds } = await complete(long, prompt, { maxGenLen: 0 });
    assert.deepEqual(promptIds, long.tokenizer.encode(prompt));
    assert.ok(promptIds.includes(766) && promptIds.includes(767));
    await long.close();
  });
});
