import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Llama, type ScoreAnswer } from "../../src/index.js";
import { demo } from "../folders.js";
import { maxDifference } from "../max-difference.js";

let llama: Llama;
describe("score", () => {
  before(async () => {
    llama = await Llama.build({ ckptDir: demo, maxSeqLen: 256 });
  });
  after(() => llama.close());

  test("a context without tokens is refused, because the first token would have no probability", async () => {
    const answers: ScoreAnswer<number>[] = [];
    const requests = [[5, 6], [5]].map((continuation, tag) => ({ tag, context: [], continuation }));
    for await (const answer of llama.score(requests)) answers.push(answer);
    for (const { error } of answers) assert.match(error!.message, /context has no tokens/);
    assert.equal(answers.length, 2);
  });

  test("one pass scores continuations that differ in their last id only", async () => {
    const context = llama.tokenizer.encode("Tom went to the park. He saw a", { bos: true });
    const [first, ...lastIds] = [300, 301, 302, 303];
    const alone = [300, 301, 302, 303].map((id) => ({ tag: id, context, continuation: [310, id] }));
    const wanted = new Map<number, number>();
    for await (const { tag, score } of llama.score(alone)) wanted.set(tag, score!.logprob);
    for await (const { score } of llama.score([{ tag: 0, context, continuation: [310, first!], lastIds }])) {
      const values = [score!, ...score!.others].map(({ logprob }) => logprob);
      assert.ok(
        maxDifference(
          values,
          [300, 301, 302, 303].map((id) => wanted.get(id)!),
        ) < 1e-4,
      );
      assert.equal(new Set(values).size, 4);
      assert.deepEqual(
        score!.others.map(({ isGreedy }) => isGreedy),
        [false, false, false],
      );
    }
    for await (const { error } of llama.score([{ tag: 0, context, continuation: [310], lastIds: [1e6] }])) {
      assert.match(error!.message, /outside the vocabulary/);
    }
  });

  test("the progress of a prompt that is only scored ends at its length", async () => {
    const seen: [number, number][] = [];
    const onPrompt = (done: number, total: number) => seen.push([done, total]);
    const ids = llama.tokenizer.encode("Once upon a time there was a dog.", { bos: true });
    for await (const _ of llama.stream(ids, { maxGenLen: 0, logprobs: true, echo: true, onPrompt }));
    assert.deepEqual(seen.at(-1), [ids.length, ids.length]);
  });

  test("generate() scores echoed prompts in the same pass that runs them, like stream()", async () => {
    const texts = ["Once upon a time there was a big dog.", "The end of it", "She was sad ".repeat(50)];
    const prompts = texts.map((text) => llama.tokenizer.encode(text, { bos: true }));
    const options = { temperature: 0, maxGenLen: 3, logprobs: true, echo: true };
    const counted: number[] = [];
    const { logprobs, tokens } = await llama.generate(prompts, { ...options, onPrompt: (done) => counted.push(done) });
    assert.equal(counted.at(-1), prompts.flat().length);
    for (const [i, prompt] of prompts.entries()) {
      assert.equal(logprobs![i]!.length, tokens[i]!.length);
      assert.equal(logprobs![i]![0], 0);
      for await (const { done } of llama.stream(prompt, options)) {
        const values = done?.promptLogprobs?.slice(1).map(({ logprob }) => logprob!);
        if (values) assert.ok(maxDifference(logprobs![i]!.slice(1, prompt.length), values) < 1e-3);
      }
    }
  });

  test("the context runs with its own ids where a token of the whole text spans the join", async () => {
    // Values of a float64 reference that runs the context's ids and then those that follow in the whole text.
    const wanted = {
      Ans: ["wer", -11.0591499],
      "Tom said hel": ["lo", -5.6238721],
      "Once upon a": [" time", -0.0001689],
    } as const;
    const requests = Object.entries(wanted).map(([context, [continuation]]) => ({
      tag: context,
      context,
      continuation,
    }));
    for await (const { score, tag } of llama.score(requests)) {
      assert.equal(score!.contextTokens, llama.tokenizer.encode(tag, { bos: true }).length);
      assert.ok(Math.abs(score!.logprob - wanted[tag as keyof typeof wanted][1]) < 1e-3, tag);
    }
  });

  test("a request that is longer than the context is cut on the left; a continuation that is longer is an error", async () => {
    const ids = llama.tokenizer.encode("She was sad and he was glad. ".repeat(60));
    const continuation = ids.slice(-3);
    const run = async (contextLength: number, own = continuation) => {
      const context = ids.slice(0, -3).slice(-contextLength);
      for await (const answer of llama.score([{ tag: 0, context, continuation: own }])) return answer;
      throw new Error("no answer");
    };
    // 256 are run and the last one is only scored.
    const full = (await run(254)).score!;
    assert.deepEqual([full.contextTokens, full.cutTokens], [254, 0]);
    const cut = (await run(300)).score!;
    assert.deepEqual([cut.contextTokens, cut.cutTokens], [254, 46]);
    assert.ok(Math.abs(cut.logprob - full.logprob) < 1e-3);
    assert.equal((await run(1, ids.slice(-256))).score!.tokens.length, 256);
    assert.match(
      (await run(1, ids.slice(-257))).error!.message,
      /continuation is longer than the context.*at most 256 tokens, found 257/,
    );
    assert.match((await run(1, [])).error!.message, /continuation has no tokens/);
    assert.match((await run(1, [99999])).error!.message, /outside the vocabulary/);
  });

  test("a text without a context follows the token for the beginning", async () => {
    const requests = ["", "  "].map((context, tag) => ({ tag, context, continuation: "Once" }));
    const bos = [llama.tokenizer.bosId!];
    const ids = ["Once", "  Once"].map((text, tag) => ({
      tag,
      context: bos,
      continuation: llama.tokenizer.encode(text),
    }));
    const logprobs = new Map<number, number[]>();
    for await (const { score, tag } of llama.score([...requests, ...ids])) {
      assert.equal(score!.contextTokens, 1);
      logprobs.set(tag, [...(logprobs.get(tag) ?? []), score!.logprob]);
    }
    for (const [one, other] of logprobs.values()) assert.ok(Math.abs(one! - other!) < 1e-4);
  });

  test("spaces at the end of a context, as Python counts them, belong to the continuation", async () => {
    const requests = ["", " ", "\n", "\u001c", "\u0085"].map((space) => ({
      tag: space,
      context: `Once upon${space}`,
      continuation: "a time",
    }));
    const start = llama.tokenizer.encode("Once upon", { bos: true }).length;
    for await (const { score, tag } of llama.score(requests)) {
      assert.equal(score!.contextTokens, start, JSON.stringify(tag));
    }
  });
});
