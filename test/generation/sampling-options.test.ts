/** Tests penalties and stop strings through the whole library, with the demo model. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { resolveSampling } from "../../src/generation/sampling/options.js";
import { type Completion, type GenerateOptions, Llama, LlamaError, type SamplingOptions } from "../../src/index.js";
import { demo } from "../folders.js";

let llama: Llama;
describe("sampling options", () => {
  before(async () => {
    llama = await Llama.build({ ckptDir: demo, nprocPerNode: 1, maxSeqLen: 256 });
  });
  after(() => llama.close());

  const PROMPT = "Once upon a time";

  async function stream(options: GenerateOptions): Promise<Completion> {
    let text = "";
    for await (const event of llama.stream(PROMPT, { temperature: 0, maxGenLen: 40, ...options })) {
      text += event.text;
      if (event.done) {
        assert.equal(event.done.text, text);
        return event.done;
      }
    }
    throw new Error("no end");
  }

  test("a stop string ends stream, textCompletion and generate in the same way", async () => {
    const plain = await stream({});
    assert.match(plain.text, /She loved to play/);
    const stop = ["o play", "never"];
    const streamed = await stream({ stop });
    assert.equal(streamed.text, plain.text.slice(0, plain.text.indexOf("o play")));
    assert.equal(streamed.finishReason, "stop");
    const [completion] = await llama.textCompletion([PROMPT], { temperature: 0, maxGenLen: 40, stop });
    assert.equal(completion!.generation, streamed.text);
    const [echoed] = await llama.textCompletion([PROMPT], { temperature: 0, maxGenLen: 40, stop, echo: true });
    assert.equal(echoed!.generation, PROMPT + streamed.text);
    const { tokens, logprobs, finishReasons } = await llama.generate([streamed.promptIds], {
      temperature: 0,
      maxGenLen: 40,
      stop,
      logprobs: true,
    });
    assert.deepEqual(tokens[0], streamed.ids);
    assert.equal(logprobs![0]!.length, tokens[0]!.length);
    assert.deepEqual(finishReasons, ["stop"]);
  });

  test("a stop string that ends one row does not affect the other", async () => {
    const prompts = [PROMPT, "Tom and his dog"];
    const options = { temperature: 0, maxGenLen: 20 };
    const [, alone] = await llama.textCompletion(prompts, options);
    const [first, second] = await llama.textCompletion(prompts, { ...options, stop: ", there" });
    assert.equal(first!.generation, "");
    assert.deepEqual(second, alone);
  });

  test("with penalties and bias the text is the same with and without drafts", async () => {
    for (const options of [
      { repetitionPenalty: 1.05 },
      { presencePenalty: 0.4, frequencyPenalty: 0.2 },
      { logitBias: { 284: 2 } },
    ]) {
      const without = await stream({ ...options, promptLookupNumTokens: 0, maxGenLen: 80 });
      const drafted = await stream({ ...options, promptLookupNumTokens: 6, maxGenLen: 80 });
      assert.ok(drafted.timings.draftTokens > 0);
      assert.deepEqual(drafted.ids, without.ids, JSON.stringify(options));
    }
  });

  test("a forbidden token is never generated, and a strong penalty prevents repetition", async () => {
    const plain = await stream({});
    const forbidden = plain.ids[3]!;
    const bias = await stream({ logitBias: { [forbidden]: Number.NEGATIVE_INFINITY } });
    assert.ok(!bias.ids.includes(forbidden));
    const fresh = await stream({ repetitionPenalty: 1e6, maxGenLen: 60 });
    assert.equal(new Set([...fresh.promptIds, ...fresh.ids]).size, fresh.promptIds.length + fresh.ids.length);
  });

  test("the error for an option out of range names the option", async () => {
    const refused = (options: GenerateOptions, pattern: RegExp) =>
      assert.rejects(stream(options), (error: Error) => error instanceof LlamaError && pattern.test(error.message));
    await refused({ topK: -1 }, /top_k/);
    await refused({ minP: 2 }, /min_p/);
    await refused({ repetitionPenalty: 0 }, /repetition_penalty/);
    await refused({ presencePenalty: 3 }, /presence_penalty/);
    await refused({ frequencyPenalty: Number.NaN }, /frequency_penalty/);
    await refused({ logitBias: { 99999: 1 } }, /logit_bias/);
    await refused({ stop: "" }, /stop/);
  });

  test("resolveSampling refuses options out of range", () => {
    const bad = [-1, Number.NaN, Number.POSITIVE_INFINITY].flatMap((value): SamplingOptions[] => [
      { temperature: value },
      { topP: value },
      { topK: value },
      { minP: value },
      { repetitionPenalty: value },
      { presencePenalty: 3 * value },
      { frequencyPenalty: 3 * value },
      { seed: value },
      { logitBias: { [value]: 0 } },
    ]);
    for (const options of [...bad, { topP: 1.1 }, { topK: 1.5 }, { seed: 2 ** 32 }, { logitBias: { 10: 0 } }]) {
      assert.throws(() => resolveSampling(options, 10, () => 1), { name: "LlamaError", kind: "usage" });
    }
  });
});
