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
