import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fixture } from "../folders.js";
import { DEMO, llama } from "./cli-process.js";

const PROMPT = "Once upon a time";
const GENERATE = ["generate", "--prompt", PROMPT, "--max_gen_len", "12", "--seed", "7"];

describe("generate", { concurrency: 2 }, () => {
  test("stdout has the completion and one newline, stderr has everything else", async () => {
    const { code, stdout, stderr } = await llama(GENERATE);
    assert.equal(code, 0);
    assert.match(stdout, /^[^\n].*\n$/s);
    assert.ok(!stdout.startsWith(PROMPT));
    const [demo, summary, end] = stderr.split("\n");
    assert.match(demo!, /demo model/);
    assert.match(summary!, /^\d+ prompt \+ 12 generated tokens, stop: length · load \d+ ms · prefill .* · seed 7$/);
    assert.equal(end, "");
  });

  test("--quiet leaves stderr empty; the same seed gives the same text in both spellings of options", async () => {
    const plain = await llama([...GENERATE, "--quiet"]);
    const spelled = await llama(["generate", `--prompt=${PROMPT}`, "--max-gen-len=12", "--seed=7", "--top-p", "0.95"]);
    assert.equal(plain.stderr, "");
    assert.equal(spelled.code, 0);
    assert.equal(spelled.stdout, plain.stdout);
  });

  test("warnings name tensors and keys that the model does not use", async () => {
    const dir = mkdtempSync(join(tmpdir(), "llama-ts-"));
    cpSync(fixture("llama1mini-fp16-mp1"), dir, { recursive: true });
    const params = join(dir, "params.json");
    writeFileSync(params, readFileSync(params, "utf8").replace('"n_layers": 2', '"n_layers": 1, "my_note": 3'));
    const { code, stderr } = await llama([...GENERATE, "--ckpt_dir", dir]);
    rmSync(dir, { recursive: true });
    assert.equal(code, 0);
    assert.match(stderr, /^Warning: .*not used: layers\.1\.\S+, .* and 6 more$/m);
    assert.match(stderr, /^Warning: unknown keys of params\.json.*not used: my_note$/m);
  });

  test("--json prints one object with the documented fields", async () => {
    const [json, text] = await Promise.all([llama([...GENERATE, "--json"]), llama([...GENERATE, "--quiet"])]);
    assert.equal(json.stdout.indexOf("\n"), json.stdout.length - 1);
    const result = JSON.parse(json.stdout);
    assert.deepEqual(Object.keys(result), [
      ...["text", "ids", "prompt_ids", "finish_reason", "seed", "world_size", "dtype", "timings"],
    ]);
    assert.deepEqual(Object.keys(result.timings), [
      ...["load_ms", "prefill_ms", "prefill_tps", "decode_ms", "decode_tps"],
      ...["draft_tokens", "accepted_tokens", "tokens_per_step"],
    ]);
    assert.equal(`${result.text}\n`, text.stdout);
    assert.equal(result.ids.length, 12);
    assert.equal(result.prompt_ids[0], 1);
    assert.equal(result.finish_reason, "length");
    assert.equal(result.seed, 7);
    assert.equal(result.dtype, "fp32");
    assert.ok(result.world_size >= 1);
    const { draft_tokens, accepted_tokens, ...measured } = result.timings;
    assert.ok(draft_tokens >= accepted_tokens);
    for (const value of Object.values(measured)) assert.ok(Number(value) > 0);
  });

  test("--echo puts the prompt before the text, in text and in JSON", async () => {
    const [echo, json] = await Promise.all([llama([...GENERATE, "--echo"]), llama([...GENERATE, "--echo", "--json"])]);
    assert.ok(echo.stdout.startsWith(`${PROMPT} `) || echo.stdout.startsWith(`${PROMPT},`));
    assert.equal(`${JSON.parse(json.stdout).text}\n`, echo.stdout);
  });

  test("without --seed a random seed is printed, which reproduces the text", async () => {
    const first = JSON.parse((await llama(["generate", "--prompt", PROMPT, "--max_gen_len", "20", "--json"])).stdout);
    const again = await llama([...GENERATE.slice(0, 3), "--max_gen_len", "20", "--seed", String(first.seed), "--json"]);
    assert.deepEqual(JSON.parse(again.stdout).ids, first.ids);
  });

  test("--verbose prints lines about the model and each rank", async () => {
    const { stderr } = await llama([...GENERATE, "--verbose", "--nproc_per_node", "2"]);
    assert.match(stderr, /dim 128, 5 layers, 8 heads/);
    assert.match(stderr, /rank 1: \d+ steps in \d+ ms: \d+ % computing, \d+ % in sums, \d+ % idle\n/);
    assert.match(stderr, /2 ranks of \d+ threads?, fp32, keys and values fp32, context 512 tokens/);
    assert.match(stderr, /rank 0: read [\d.]+ MB in \d+ ms, holds [\d.]+ MB, \d+ threads?\nrank 1: read/);
  });

  test("a torchrun line works with and without a script", async () => {
    const bare = ["--nproc_per_node", "2", "--ckpt_dir", DEMO, "--tokenizer_path", `${DEMO}/tokenizer.model`];
    const rest = ["--prompt", PROMPT, "--max_gen_len", "12", "--seed", "7"];
    const script = ["torchrun", "--standalone", "--nnodes", "1", ...bare.slice(0, 2), "example.py", ...bare.slice(2)];
    const [plain, pasted] = await Promise.all([
      llama([...bare, ...rest, "--json"]),
      llama([...script, "--max_batch_size", "32", ...rest]),
    ]);
    assert.equal(plain.code, 0);
    const result = JSON.parse(plain.stdout);
    assert.equal(result.world_size, 2);
    assert.doesNotMatch(plain.stderr, /demo/);
    assert.equal(pasted.code, 0);
    assert.equal(pasted.stdout, `${result.text}\n`);
    assert.match(pasted.stderr, /^example\.py is not run/);
  });

  test("colour on stderr follows NO_COLOR and FORCE_COLOR; stdout has no colour", async () => {
    const args = ["generate", "--prompt", PROMPT, "--max_gen_len", "2"];
    const [plain, forced, none] = await Promise.all([
      llama(args),
      llama(args, { env: { FORCE_COLOR: "1" } }),
      llama(args, { env: { NO_COLOR: "1" } }),
    ]);
    assert.ok(!plain.stderr.includes("\u001b"));
    assert.ok(forced.stderr.includes("\u001b[2m"));
    assert.ok(!forced.stdout.includes("\u001b"));
    assert.ok(!none.stderr.includes("\u001b"));
  });
});

test("--stop may be repeated and ends the text; a token with bias -inf is never generated", async () => {
  const args = ["generate", "--prompt", "Once upon a time", "--temperature", "0", "--max_gen_len", "16", "--quiet"];
  const stopped = await llama([...args, "--stop", "never", "--stop", "Lily"]);
  assert.equal(stopped.stdout, ", there was a little girl named \n");
  const biased = await llama([...args, "--logit_bias", "284=-inf,5=1"]);
  assert.equal(biased.code, 0, biased.stderr);
  assert.doesNotMatch(biased.stdout, /there was/);
});
