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

/** Expects the exit code, one line on stderr and nothing on stdout. */
async function refused(args: readonly string[], code: number, message: string): Promise<void> {
  assert.deepEqual(await llama(args), { code, signal: null, stdout: "", stderr: `llama-ts: ${message}\n` });
}

const generate = (...args: string[]) => ["generate", "--prompt", "Once", "--quiet", ...args];

/** Options with an invalid value, and the message after the option and the value. */
const VALUES = [
  ["--seed <n>", "-1", "Expected a whole number from 0 to 4294967295."],
  ["--temperature <t>", "-0.5", "Expected a number of at least 0."],
  ["--temperature <t>", "warm", "Expected a number of at least 0."],
  ["--top_p <p>", "1.5", "Expected a number from 0 to 1."],
  ["--max_gen_len <n>", "2.5", "Expected a whole number of at least 0."],
  ["--max_seq_len <n>", "0", "Expected a whole number of at least 1."],
  ["--dtype <type>", "int3", "Allowed choices are auto, fp32, int8, int4."],
  ["--nproc_per_node <n>", "0", "Expected auto or a whole number from 1 to the model's number of heads."],
] as const;

describe("exit codes", { concurrency: 2 }, () => {
  test("2: an invalid command line", async () => {
    for (const [option, value, message] of VALUES) {
      const name = option.split(" ")[0]!;
      await refused(generate(`${name}=${value}`), 2, `option '${option}' argument '${value}' is invalid. ${message}`);
    }
    await refused(generate("--promt", "x"), 2, "unknown option '--promt' (Did you mean --prompt?)");
    await refused(generate("--tokenizer_path", "x"), 2, "--tokenizer_path needs --ckpt_dir");
    await refused(["generate", "--prompt"], 2, "option '--prompt <text>' argument missing");
    await refused(
      generate("--prompt_file", "x"),
      2,
      "option '--prompt <text>' cannot be used with option '--prompt_file <file>'",
    );
    const none = join(root, "none");
    await refused(["generate", "--prompt_file", none], 2, `--prompt_file ${none}: no such file`);
    await refused(
      ["generate", "Once", "upon"],
      2,
      `unexpected argument 'Once'. Give a prompt as --prompt "..."; a command must come first`,
    );
    await refused(["generat"], 2, "unknown command 'generat' (Did you mean generate?)");
  });

  test("2: more ranks than the model has heads", async () => {
    const message =
      "the model cannot be divided over this number of processes; expected 1 to 8 (one per attention head), found 9";
    await refused(generate("--nproc_per_node", "9"), 2, message);
  });

  test("3: folders without a model", async () => {
    const refusedFolder = (folder: string, message: string) => refused(generate("--ckpt_dir", folder), 3, message);
    const missing = join(root, "missing");
    await refusedFolder(missing, `${missing}: checkpoint folder does not exist`);
    const bare = checkpoint("no-params", ["consolidated.00.pth", "tokenizer.model"]);
    await refusedFolder(
      bare,
      `${join(bare, "params.json")}: file is missing. Every checkpoint folder has a params.json next to its .pth files`,
    );
    const empty = checkpoint("no-weights", ["params.json", "tokenizer.model"]);
    await refusedFolder(empty, `no checkpoint files found in ${empty}`);
    const broken = checkpoint("broken", ["params.json", "tokenizer.model"]);
    writeFileSync(join(broken, "consolidated.00.pth"), "not a checkpoint");
    await refusedFolder(
      broken,
      `${join(broken, "consolidated.00.pth")}: is not a PyTorch checkpoint but text. Download it again`,
    );
  });

  test("3: files that are not tokenizers", async () => {
    const alone = join(root, "alone");
    mkdirSync(alone);
    const folder = checkpoint("alone/model", ["params.json", "consolidated.00.pth"]);
    const places = ["tokenizer.model", "original/tokenizer.model", "tokenizer.json", "../tokenizer.model"].map((name) =>
      join(folder, name),
    );
    await refused(
      generate("--ckpt_dir", folder),
      3,
      `${folder}: no tokenizer found; expected ${places.join(" or ")}. Name the tokenizer's file with --tokenizer_path (in the library: tokenizerPath)`,
    );
    const none = join(root, "none.model");
    await refused(generate("--ckpt_dir", DEMO, "--tokenizer_path", none), 3, `${none}: no such file`);
    const garbage = join(root, "garbage.model");
    writeFileSync(garbage, "neither SentencePiece nor tiktoken");
    await refused(
      generate("--ckpt_dir", DEMO, "--tokenizer_path", garbage),
      3,
      `${garbage}: is not a SentencePiece model; found illegal tag: field no 13 wire type 6. Copy or download the file again`,
    );
  });

  test("0: help and version, on stdout and without delay", async () => {
    for (const args of [["--help"], ["generate", "--help"], ["help", "generate"], ["--ckpt-dir", "x", "--help"]]) {
      const { code, stdout, stderr } = await llama(args);
      assert.equal(code, 0);
      assert.match(stdout, /^Usage: llama-ts .*\nMore: .*exit-codes/s);
      assert.equal(stderr, "");
    }
    for (const args of [["--version"], ["generate", "--version"]]) {
      assert.match((await llama(args)).stdout, /^llama-ts \d+\.\d+\.\d+ \(onnxruntime-node \d+\.\d+\.\d+, .*\)\n$/);
    }
  });
});
