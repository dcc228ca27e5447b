import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fixture, shared, withoutShared } from "../folders.js";
import { ggufModel, writeGgufFolder } from "../model/gguf-model.js";
import { hfTensors, renamedPth, writeHfFolder } from "../model/hugging-face-folder.js";
import { relatives, writeRelative } from "../model/random-weights.js";
import { llama2Json, llama3Json } from "../tokenizer/tokenizer-json.js";
import { DEMO, llama, temporaryFolder } from "./cli-process.js";

const root = temporaryFolder();

async function report(...args: string[]) {
  const { code, stdout, stderr } = await llama(["inspect", ...args, "--json"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^\{.*\}\n$/);
  return JSON.parse(stdout);
}

describe("inspect", { concurrency: 2 }, () => {
  test("reports shape, shards, ranks and memory of a sharded folder", async () => {
    const { needs, memory, tokenizer, ...rest } = await report(`${DEMO}/mp2`);
    assert.equal(rest.parameters, 1_529_216);
    assert.equal(rest.name, null);
    assert.equal(rest.context, null);
    assert.equal(rest.file_dtype, "bf16");
    assert.equal(rest.shards.length, 2);
    assert.equal(rest.file_bytes, rest.shards[0].bytes + rest.shards[1].bytes);
    assert.deepEqual(rest.split, {
      rows: ["wq", "wk", "wv", "w1", "w3", "output"],
      columns: ["tok_embeddings", "wo", "w2"],
      replicated: ["attention_norm", "ffn_norm", "norm"],
    });
    assert.equal(tokenizer.vocab_size, 2048);
    assert.equal(tokenizer.kind, "sentencepiece");
    assert.deepEqual(rest.nproc_per_node.even, [1, 2, 4, 8]);
    assert.equal(rest.nproc_per_node.max, 8);
    assert.ok(memory.available_bytes <= memory.total_bytes);
    assert.deepEqual(
      needs.map(({ dtype, world_size }: { dtype: string; world_size: number }) => `${dtype} ${world_size}`),
      ["fp32", "int8", "int4"].flatMap((dtype) => [1, 2, 4, 8].map((ranks) => `${dtype} ${ranks}`)),
    );
    const [one, two] = needs;
    // all but the embedding, in fp32
    assert.equal(one.weight_bytes, (1_529_216 - 2048 * 128) * 4);
    assert.ok(two.weight_bytes_per_rank > one.weight_bytes / 2 && two.weight_bytes_per_rank < one.weight_bytes * 0.51);
    assert.equal(one.kv_bytes_per_1000_tokens, 5 * 2 * 128 * 4 * 1000);
  });

  test("--nnodes: what each of n hosts like this one holds, as JSON and as a table", async () => {
    const { nodes, max_seq_len } = await report(DEMO, "--nnodes", "2", "--dtype", "int8");
    assert.equal(max_seq_len, 2048);
    const layers = nodes.map((node: Record<string, number>) => [node.node, node.first_layer, node.last_layer]);
    // Node 0 has the head, which is as large as several of these layers.
    assert.deepEqual(layers, [
      [0, 3, 4],
      [1, 0, 2],
    ]);
    assert.ok(nodes.every(({ fits, kv_tokens }: { fits: boolean; kv_tokens: number }) => fits && kv_tokens > 2048));
    const { stdout } = await llama(["inspect", DEMO, "--nnodes", "2"]);
    assert.match(
      stdout,
      /\nWhat each of 2 hosts like this one holds:\n\ndtype +node +ranks +layers .*\nfp32 +0 .* yes\nfp32 +1 /,
    );
    const { code, stderr } = await llama(["inspect", DEMO, "--nnodes", "6"]);
    assert.equal(code, 2);
    assert.match(stderr, /nnodes: more hosts than layers; expected at most 5, one for each layer, found 6/);
  });

  test("text: facts and a table on stdout, warnings on stderr", async () => {
    const { code, stdout, stderr } = await llama(["inspect", fixture("odd/params-unknown-key"), "--max_seq_len", "64"]);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /: not a released model \(custom shape\), 0\.02 M parameters\n\nformat +Meta, PyTorch \(zip\), fp16, 1 file/,
    );
    assert.match(stdout, /\ndtype +ranks +weights per rank .*\nfp32 +1 .*yes\nfp32 +2 /);
    assert.match(stdout, /context of 64 tokens/);
    assert.match(stderr, /^Warning: unknown keys of params\.json, config\.json or a GGUF file are not used: /);
  });

  test("a GGUF file: its name, its mixture of types, the types of its tensors", async () => {
    const meta = fixture("llama3mini-bf16-mp1");
    const model = ggufModel(meta, 768, "Q8_0");
    model.metadata.set("general.file_type", 7).set("general.name", "Mini\nmodel");
    const dir = writeGgufFolder(join(root, "gguf"), model, join(meta, "tokenizer.model"));
    const json = await report(join(dir, "model.gguf"));
    assert.deepEqual([json.format, json.name_in_file, json.quantisation], ["GGUF, version 3", "Mini\nmodel", "Q8_0"]);
    const { Q8_0, ...others } = json.tensor_types;
    assert.ok(Q8_0 > 20 && others.fp32 > 5 && Object.keys(others).length === 1);
    const { stdout } = await llama(["inspect", dir]);
    assert.match(stdout, /tokenizer +GGUF, byte-level, 768 tokens/);
    assert.match(stdout, /: "Mini\\nmodel", 0\.\d+ M parameters\n\nformat +GGUF, version 3, Q8_0, 1 file/);
    const refused = await llama(["inspect", join(meta, "tokenizer.model")]);
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /is neither a folder nor a GGUF file\. Name the folder/);
  });

  test("a relative of LLaMA: what it has in addition", async () => {
    const kindOf = async (name: string) => {
      const dir = writeRelative(join(root, name), relatives.models[name]!);
      return /^kind +(.*)$/m.exec((await llama(["inspect", dir])).stdout)?.[1];
    };
    const facts = "biases of q k v, o, feed-forward; a window of 8 tokens in 2 layers; 2 layers without rotation";
    assert.equal(await kindOf("smollm3 with windows and biases"), `SmolLM3: ${facts}`);
    assert.equal(await kindOf("qwen3"), "Qwen3: norms of heads");
    assert.equal(await kindOf("mistral without a window"), "Mistral");
    const { architecture, windows, head_norms } = await report(join(root, "qwen3"));
    assert.deepEqual([architecture, windows, head_norms], ["Qwen3", [], true]);
  });

  test("without a folder it inspects the demo model; two folders or a missing one are refused", async () => {
    assert.match((await llama(["inspect"])).stdout, /models\/demo: .* 1\.53 M parameters/);
    const two = await llama(["inspect", DEMO, "--ckpt_dir", DEMO]);
    assert.equal(two.code, 2);
    assert.match(two.stderr, /^llama-ts: two folders given[^\n]*\n$/);
    const none = await llama(["inspect", "nowhere"]);
    assert.equal(none.code, 3);
    assert.equal(none.stdout, "");
    assert.match(none.stderr, /^llama-ts: nowhere: checkpoint folder does not exist\n$/);
  });

  test("--verify reports what was checked", async () => {
    assert.deepEqual((await report(`${DEMO}/mp2`, "--verify")).verified.crc, 100);
    const line = /^verified +(.*)$/m;
    const whole = await llama(["inspect", DEMO, "--verify"]);
    assert.equal(line.exec(whole.stdout)?.[1], "Verified 3 files: 3 md5 sums of checklists, 50 CRCs of archives.");
    const partly = await llama(["inspect", fixture("odd/mp2"), "--verify"]);
    assert.equal(line.exec(partly.stdout)?.[1], "Verified 4 files: no checklist.chk, 46 CRCs of archives.");
  });

  test("a Hugging Face folder is reported with the kind of its weight files and of its tokenizer", async () => {
    const meta = fixture("odd/base-valid");
    const tokenizer = join(meta, "tokenizer.model");
    const { config, tensors } = hfTensors(meta, 512);
    const dir = writeHfFolder(join(root, "pieces"), config, tensors, tokenizer);
    const first = await report(dir);
    assert.deepEqual([first.format, first.split], ["Hugging Face, safetensors", null]);
    writeFileSync(join(dir, "pytorch_model.bin"), renamedPth(join(meta, "consolidated.00.pth")));
    rmSync(join(dir, "model.safetensors"));
    writeFileSync(join(dir, "tokenizer.json"), JSON.stringify(llama2Json(tokenizer)));
    rmSync(join(dir, "tokenizer.model"));
    const second = await report(dir);
    assert.deepEqual([second.format, second.split], ["Hugging Face, PyTorch (zip)", null]);
    assert.deepEqual(second.tokenizer, {
      ...{ file: join(dir, "tokenizer.json"), kind: "tokenizer.json", units: "pieces", vocab_size: 512 },
    });
  });

  test("a byte-level tokenizer.json is not reported as tiktoken's file", async () => {
    const meta = fixture("llama3mini-bf16-mp1");
    const json = join(root, "tokenizer.json");
    writeFileSync(json, JSON.stringify(llama3Json(join(meta, "tokenizer.model"))));
    const { stdout, stderr } = await llama(["inspect", meta, "--tokenizer_path", json]);
    assert.match(stdout, /^tokenizer +Hugging Face, byte-level, 768 tokens \(.*tokenizer\.json\)$/m, stderr);
    const { tokenizer } = await report(meta);
    assert.deepEqual([tokenizer.kind, tokenizer.units], ["tiktoken", "bytes"]);
  });

  test("the format of torch before 1.6 is recognised", { skip: withoutShared }, async () => {
    assert.match((await report(shared("ckpt/stories260K-fp32-mp1-legacy"))).format, /before 1\.6/);
  });
});

test("generate refuses a model that does not fit and prints the numbers, unless forced", async () => {
  const long = ["generate", "--quiet", "--prompt", "Once", "--max_gen_len", "2", "--max_seq_len", "2000000000"];
  const refused = await llama(long);
  assert.equal(refused.code, 4, refused.stderr);
  assert.equal(refused.stdout, "");
  assert.match(
    refused.stderr,
    /^llama-ts: the model does not fit into memory as fp32; expected \d{4,} GB \(weights \d\.\d\d MB, context of 2000000000 tokens \d{4,} GB, .*found [\d.]+ [MG]B available\. .*--force[^\n]*\n$/,
  );
  const forced = await llama([...long, "--force"]);
  assert.equal(forced.code, 0, forced.stderr);
});
