import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { copyDemo, DEMO, llama, temporaryFolder } from "./cli-process.js";

const root = temporaryFolder();

/** A folder with files of the demo model. */
function checkpoint(name: string, files: readonly string[]): string {
  const folder = join(root, name);
  mkdirSync(folder);
  copyDemo(folder, files);
  return folder;
}

/** One line on stderr, nothing on stdout, no stack. */
async function refused(args: readonly string[], code: number, message: RegExp): Promise<void> {
  const run = await llama(args);
  assert.equal(run.code, code, run.stderr);
  assert.equal(run.stdout, "");
  assert.match(run.stderr, /^llama-ts: [^\n]+\n$/);
  assert.match(run.stderr, message);
  assert.doesNotMatch(run.stderr, / {4}at /);
}

const PROMPT = ["--prompt", "Once", "--quiet"];
const generate = (...args: string[]) => ["generate", ...PROMPT, ...args];

describe("exit codes", { concurrency: 2 }, () => {
  test("2: what is wrong on the line", async () => {
    await refused(generate("--promt", "x"), 2, /unknown option '--promt' \(Did you mean --prompt\?\)/);
    await refused(generate("--seed", "-1"), 2, /whole number from 0 to 4294967295/);
    await refused(generate("--temperature", "-0.5"), 2, /number of at least 0/);
    await refused(generate("--temperature=warm"), 2, /--temperature/);
    await refused(generate("--top-p", "1.5"), 2, /number from 0 to 1/);
    await refused(generate("--max_gen_len", "2.5"), 2, /whole number/);
    await refused(generate("--max_seq_len", "0"), 2, /whole number of at least 1/);
    await refused(generate("--dtype", "int3"), 2, /auto, fp32/);
    await refused(generate("--nproc_per_node", "gpu"), 2, /CPU only/);
    await refused(generate("--nproc_per_node", "0"), 2, /auto or a whole number from 1/);
    await refused(generate("--nnodes", "2"), 2, /one machine/);
    await refused(generate("--tokenizer_path", "x"), 2, /needs --ckpt_dir/);
    await refused(["generate", "--prompt"], 2, /argument missing/);
    await refused(generate("--prompt_file", "x"), 2, /cannot be used with/);
    await refused(["generate", "--prompt_file", join(root, "none")], 2, /--prompt_file .*no such file/);
    await refused(["generate", "Once", "upon"], 2, /unexpected argument 'Once'.*--prompt/);
    await refused(["generat"], 2, /unknown command 'generat' \(Did you mean generate\?\)/);
  });

  test("2: more ranks than the model has heads", async () => {
    await refused(generate("--nproc_per_node", "9"), 2, /8/);
  });

  test("3: folders that hold no model", async () => {
    await refused(generate("--ckpt_dir", join(root, "missing")), 3, /missing: checkpoint folder does not exist/);
    await refused(
      generate("--ckpt_dir", checkpoint("no-params", ["consolidated.00.pth", "tokenizer.model"])),
      3,
      /params\.json/,
    );
    await refused(
      generate("--ckpt_dir", checkpoint("no-weights", ["params.json", "tokenizer.model"])),
      3,
      /no checkpoint files found|\.pth/,
    );
    const broken = checkpoint("broken", ["params.json", "tokenizer.model"]);
    writeFileSync(join(broken, "consolidated.00.pth"), "not a checkpoint");
    await refused(generate("--ckpt_dir", broken), 3, /consolidated\.00\.pth/);
  });

  test("3: tokenizers that are none", async () => {
    const alone = join(root, "alone");
    mkdirSync(alone);
    const folder = checkpoint("alone/model", ["params.json", "consolidated.00.pth"]);
    await refused(generate("--ckpt_dir", folder), 3, /tokenizer\.model/);
    await refused(generate("--ckpt_dir", DEMO, "--tokenizer_path", join(root, "none.model")), 3, /none\.model/);
    const garbage = join(root, "garbage.model");
    writeFileSync(garbage, "neither SentencePiece nor tiktoken");
    await refused(generate("--ckpt_dir", DEMO, "--tokenizer_path", garbage), 3, /garbage\.model/);
  });

  test("0: help and version, on stdout and at once", async () => {
    for (const args of [["--help"], ["generate", "--help"], ["help", "generate"], ["--ckpt-dir", "x", "--help"]]) {
      const { code, stdout, stderr } = await llama(args);
      assert.equal(code, 0);
      assert.match(stdout, /^Usage: llama-ts .*Exit codes:/s);
      assert.equal(stderr, "");
    }
    for (const args of [["--version"], ["generate", "--version"]]) {
      assert.match((await llama(args)).stdout, /^llama-ts \d+\.\d+\.\d+ \(onnxruntime-node \d+\.\d+\.\d+, .*\)\n$/);
    }
  });
});
