import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { copyDemo, llama, type RunOptions, temporaryFolder } from "./cli-process.js";

const folder = temporaryFolder();

/** The token ids of the prompt that a command line gives. */
async function promptIds(args: readonly string[], options?: RunOptions): Promise<number[]> {
  const { code, stdout, stderr } = await llama(["generate", "--max_gen_len", "1", "--json", ...args], options);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout).prompt_ids;
}

describe("the prompt", { concurrency: 2 }, () => {
  test("comes from the command line, from stdin or from a file", async () => {
    const file = join(folder, "prompt.txt");
    writeFileSync(file, "The dog ran");
    const expected = await promptIds(["--prompt", "The dog ran"]);
    assert.deepEqual(await promptIds(["--prompt_file", file]), expected);
    assert.deepEqual(await promptIds(["--prompt", "-"], { input: "The dog ran" }), expected);
    assert.deepEqual(await promptIds([], { input: "The dog ran" }), expected);
    const bare = await llama(["--json", "--max-gen-len", "1"], { input: "The dog ran" });
    assert.deepEqual(JSON.parse(bare.stdout).prompt_ids, expected);
  });

  test("has one trailing newline of stdin removed, but not of a file", async () => {
    const file = join(folder, "lines.txt");
    writeFileSync(file, "The dog ran\n");
    const plain = await promptIds(["--prompt", "The dog ran"]);
    const line = await promptIds(["--prompt", "The dog ran\n"]);
    assert.deepEqual(await promptIds([], { input: "The dog ran\n" }), plain);
    assert.deepEqual(await promptIds([], { input: "The dog ran\r\n" }), plain);
    assert.deepEqual(await promptIds([], { input: "The dog ran\n\n" }), line);
    assert.deepEqual(await promptIds(["--prompt_file", file]), line);
    assert.notDeepEqual(line, plain);
  });

  test("is the text of stdin, then the option's; with --no_stdin only the option's", async () => {
    const both = await promptIds(["--prompt", "The dog ran"], { input: "One day.\n" });
    assert.deepEqual(both, await promptIds(["--prompt", "One day.\nThe dog ran"]));
    const alone = await promptIds(["--prompt", "The dog ran", "--no_stdin"], { input: "never read" });
    assert.deepEqual(alone, await promptIds(["--prompt", "The dog ran"]));
  });

  test("may be empty", async () => {
    assert.deepEqual(await promptIds(["--prompt", ""]), [1]);
  });

  test("is required: without it there is a usage error", async () => {
    for (const args of [["generate"], []]) {
      const { code, stdout, stderr } = await llama(args);
      assert.equal(code, 2);
      assert.equal(stdout, "");
      assert.match(stderr, /^llama-ts: no prompt, and stdin is empty\. Give --prompt TEXT/);
    }
  });

  test("is refused before any output if it is longer than the context", async () => {
    const args = ["generate", "--prompt", "The dog ran", "--echo", "--max_seq_len", "2", "--quiet"];
    const { code, stdout, stderr } = await llama(args);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /^llama-ts: .*max_seq_len\n$/);
  });

  test("is continued up to the end of the context", async () => {
    const { stdout } = await llama(["generate", "--prompt", "The", "--max_seq_len", "10", "--seed", "1", "--json"]);
    const { ids, prompt_ids } = JSON.parse(stdout);
    assert.equal(ids.length + prompt_ids.length, 10);
  });

  test("is encoded by a tokenizer in the parent folder if the folder has none", async () => {
    const model = join(folder, "7B");
    mkdirSync(model);
    copyDemo(model, ["params.json", "consolidated.00.pth"]);
    copyDemo(folder, ["tokenizer.model"]);
    assert.deepEqual(await promptIds(["--ckpt_dir", model, "--prompt", ""]), [1]);
  });
});
