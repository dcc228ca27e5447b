import assert from "node:assert/strict";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { encodeLong, Llama, type TokenLogprob } from "../../src/index.js";
import { demo } from "../folders.js";
import { llama as program, temporaryFolder } from "./cli-process.js";
import { checkSchema } from "./json-schema.js";

const folder = temporaryFolder();
let llama: Llama;

/** The log-probabilities of a prompt, computed with echo, one prompt at a time. */
async function echoed(prompt: string | number[]): Promise<TokenLogprob[]> {
  const options = { maxGenLen: 1, temperature: 0, logprobs: true, echo: true };
  for await (const { done } of llama.stream(prompt, options)) if (done) return done.promptLogprobs!;
  throw new Error("no end");
}

function isNear(a: number, b: number): void {
  assert.ok(Math.abs(a - b) < 1e-3, `${a} and ${b}`);
}

const STORY =
  "Once upon a time, there was a little girl named Lily. She loved to play with her toys.\nOne day, she saw a cat.\n";

describe("score", { concurrency: 2 }, () => {
  before(async () => {
    llama = await Llama.build({ ckptDir: demo, maxSeqLen: 512 });
  });
  after(() => llama.close());

  test("continuations have the same log-probabilities as in a prompt", async () => {
    const context = STORY.slice(0, 36);
    const pairs = [" girl", " dog", " girl named Lily. She loved to play with her toys.", "\n"].map((continuation) => ({
      context,
      continuation,
    }));
    const spaced = { context: `${context} `, continuation: "girl" };
    const input = [...pairs, spaced].map((pair, id) => `${JSON.stringify({ id, ...pair })}\n`).join("");
    const { code, stdout, stderr } = await program(["score", "--quiet"], { input });
    assert.equal(code, 0, stderr);
    const answers = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line))
      .sort((a, b) => a.id - b.id);
    for (const answer of answers) checkSchema("score", answer);
    for (const [id, pair] of pairs.entries()) {
      const { logprob, tokens, context_tokens } = answers[id];
      const wanted = (await echoed(pair.context + pair.continuation)).slice(context_tokens);
      assert.deepEqual(
        tokens.map((token: TokenLogprob) => [token.id, token.text]),
        wanted.map((token) => [token.id, token.text]),
      );
      assert.equal(tokens.map(({ text }: TokenLogprob) => text).join(""), pair.continuation);
      const sum = wanted.reduce((total, token) => total + token.logprob!, 0);
      isNear(logprob, sum);
    }
    assert.equal(answers[0].is_greedy, true);
    assert.equal(answers[1].is_greedy, false);
    isNear(answers[4].logprob, answers[0].logprob);
  });

  test("requests that cannot be scored get an error", async () => {
    const lines = [
      '{"context":"a"}',
      '{"context":"a","continuation":""}',
      '{"context":"a","context_ids":[1],"continuation":"b"}',
      '{"context":"a","continuation":"b","temperature":1}',
      `{"context":"b","continuation":"${"very ".repeat(600)}"}`,
    ];
    const { code, stdout } = await program(["score", "--quiet"], { input: lines.join("\n") });
    assert.equal(code, 1);
    const errors = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    for (const error of errors) checkSchema("error", error);
    const messages = errors.sort((a, b) => a.line - b.line).map(({ error }) => error.message);
    const patterns = [/no continuation/, /no tokens/, /cannot be combined/, /temperature/, /context/];
    for (const [i, pattern] of patterns.entries()) assert.match(messages[i], pattern);
  });

  test("the perplexity equals that of windows scored one by one", async () => {
    const text = STORY.repeat(8);
    writeFileSync(join(folder, "text"), text);
    const options = ["score", "--perplexity", join(folder, "text"), "--window", "100", "--stride", "30", "--quiet"];
    const { code, stdout, stderr } = await program(options);
    assert.equal(code, 0, stderr);
    const result = JSON.parse(stdout);
    checkSchema("perplexity", result);
    const ids = llama.tokenizer.encode(text, { bos: false, eos: false });
    let sum = 0;
    let scored = 0;
    for (let from = 0; scored < ids.length; from += 30) {
      const part = ids.slice(from, from + 99);
      const values = await echoed([llama.tokenizer.bosId!, ...part]);
      for (; scored < from + part.length; scored++) sum += values[scored - from + 1]!.logprob!;
    }
    assert.equal(result.tokens, ids.length);
    isNear(result.nats_per_token, -sum / ids.length);
    isNear(result.perplexity, Math.exp(-sum / ids.length));
    isNear(result.bits_per_byte, -sum / Math.LN2 / text.length);
  });

  test("a request that is longer than the context says how many tokens were left out", async () => {
    const input = JSON.stringify({ context: "very ".repeat(600), continuation: " sad" });
    const { code, stdout } = await program(["score", "--quiet"], { input });
    const answer = JSON.parse(stdout);
    checkSchema("score", answer);
    assert.equal(code, 0);
    const { length } = llama.tokenizer.encode(`${"very ".repeat(600)} sad`, { bos: true });
    assert.equal(answer.context_tokens + answer.tokens.length, 513);
    assert.equal(answer.cut_tokens, length - 513);
  });

  test("windows that do not fit and missing files are refused", async () => {
    const file = join(folder, "short");
    writeFileSync(file, "One day");
    writeFileSync(join(folder, "empty"), "\ufeff");
    const large = join(folder, "large");
    writeFileSync(large, "");
    truncateSync(large, 65 << 20);
    for (const [args, pattern] of [
      [["--perplexity", file, "--window", "600"], /windows do not fit/],
      [["--perplexity", file, "--window", "10", "--stride", "10"], /windows do not fit/],
      [["--perplexity", join(folder, "none")], /no such file/],
      [["--perplexity", folder], /is a folder/],
      [["--perplexity", large], /large: input of more than 64 MiB\n$/],
      [["--perplexity", join(folder, "empty")], /empty: is empty\. /],
      [["--perplexity", "-"], /stdin: is empty\. /],
      [["--stride", "3"], /need --perplexity/],
    ] as const) {
      const { code, stderr } = await program(["score", ...args]);
      assert.equal(code, 2);
      assert.match(stderr, pattern);
    }
  });
});

test("a long text encoded in pieces has the same tokens as encoded at once", () => {
  const line = `${STORY}${"The cat sat. ".repeat(40)}\n\n  indented\n`;
  const text = line.repeat(Math.ceil(900_000 / line.length));
  assert.ok(text.length > 500_000 && text.length < 1_000_000);
  assert.deepEqual(encodeLong(llama.tokenizer, text), llama.tokenizer.encode(text, { bos: false, eos: false }));
});
