/** Where models and tokenizers are found, and how folders, presets and sizes may be written. */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { copyDemo, DEMO, llama, temporaryFolder } from "./cli-process.js";

const root = temporaryFolder();
const SHORT = ["--prompt", "Once upon a time", "--temperature", "0", "--max_gen_len", "4", "--quiet"];
const MEASURE = ["--pp", "8", "--tg", "2", "--trials", "1", "--warmup", "0", "--csv"];

/** A folder as Meta's: the tokenizer is beside the model's folder, or missing. */
function metaFolder(name: string, hasTokenizer = true): string {
  const folder = join(root, name);
  mkdirSync(join(folder, "7B"), { recursive: true });
  copyDemo(join(folder, "7B"), ["params.json", "consolidated.00.pth"]);
  if (hasTokenizer) copyDemo(folder, ["tokenizer.model"]);
  return join(folder, "7B");
}

describe("places", { concurrency: 2 }, () => {
  test("the tokenizer beside a linked folder is found as the kernel finds it, then the one beside the link", {
    skip: process.platform === "win32" && "links need a privilege",
  }, async () => {
    const away = join(root, "elsewhere");
    mkdirSync(away);
    symlinkSync(metaFolder("linked"), join(away, "link7b"));
    assert.equal((await llama(["generate", "--ckpt_dir", join(away, "link7b"), ...SHORT])).stdout, ", there was a\n");
    symlinkSync(metaFolder("bare", false), join(away, "bare"));
    const bare = ["generate", "--ckpt_dir", join(away, "bare"), ...SHORT];
    const { code, stderr } = await llama(bare);
    assert.equal(code, 3);
    assert.match(stderr, /no tokenizer found; .* Name the tokenizer's file with --tokenizer_path/);
    copyDemo(away, ["tokenizer.model"]);
    assert.equal((await llama(bare)).stdout, ", there was a\n");
  });

  test("inspect needs no tokenizer, and names a file that is cut", async () => {
    const folder = metaFolder("alone", false);
    const { code, stdout, stderr } = await llama(["inspect", folder]);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "There is no tokenizer: the size of the vocabulary is that of the weights.\n");
    assert.match(stdout, /\ntokenizer +none; 2048 rows of the model\n/);
    const { stdout: json } = await llama(["inspect", folder, "--json", "--verify"]);
    const { tokenizer, vocab_rows, parameters, verified } = JSON.parse(json);
    assert.deepEqual([tokenizer, vocab_rows, parameters, verified.files], [null, 2048, 1_529_216, 2]);
    const cut = metaFolder("cut", false);
    writeFileSync(join(cut, "consolidated.00.pth"), "cut");
    const refused = await llama(["inspect", cut]);
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /consolidated\.00\.pth: is not a PyTorch checkpoint/);
  });

  test("inspect --dtype estimates for one type", async () => {
    const { stdout } = await llama(["inspect", DEMO, "--dtype", "int8", "--json"]);
    const types = JSON.parse(stdout).needs.map(({ dtype }: { dtype: string }) => dtype);
    assert.deepEqual([...new Set(types)], ["int8"]);
    assert.doesNotMatch((await llama(["inspect", DEMO, "--dtype", "int4"])).stdout, /\n(fp32|int8) +1 /);
  });

  test("bench takes a folder as a word, and presets in small letters", async () => {
    const { code, stdout, stderr } = await llama(["bench", DEMO, "--nproc_per_node", "1", ...MEASURE]);
    assert.equal(code, 0, stderr);
    assert.ok(stdout.includes(DEMO), stdout);
    const small = await llama(["bench", "--preset", "260k", "--nproc_per_node", "1", ...MEASURE]);
    assert.equal(small.code, 0, small.stderr);
    const both = await llama(["bench", DEMO, "--preset", "260K"]);
    assert.equal(both.stderr, `llama-ts: a folder and a preset given; found ${DEMO} and --preset 260K\n`);
    const two = await llama(["bench", DEMO, "--ckpt_dir", DEMO]);
    assert.equal(two.stderr, `llama-ts: two folders given; found ${DEMO} and --ckpt_dir ${DEMO}\n`);
  });

  test("a size without its unit is refused", async () => {
    const { code, stderr } = await llama(["batch", "--kv_memory", "4"], { input: "" });
    assert.equal(code, 2);
    assert.match(stderr, /'--kv_memory <size>' argument '4' is invalid\. Expected a size such as 512M or 4G\./);
  });
});
