/** Aborted calls of the library reject with the signal's reason, and leave the model as it was. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { demoModel, Llama } from "../../src/index.js";

describe("an abort", () => {
  let llama: Llama;
  before(async () => {
    llama = await Llama.build({ ...demoModel, dtype: "fp32", nprocPerNode: 1 });
  });
  after(() => llama.close());

  const reason = new Error("enough");
  const options = { temperature: 0, maxGenLen: 400 };
  /** A signal that aborts while the call runs. */
  const soon = () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 30);
    return controller.signal;
  };
  const isReason = (error: unknown) => error === reason;

  test("rejects generate, textCompletion and chatCompletion with its reason", async () => {
    await assert.rejects(
      llama.generate(
        [
          [1, 300],
          [1, 301],
        ],
        { ...options, signal: soon() },
      ),
      isReason,
    );
    await assert.rejects(llama.textCompletion(["Once", "Lily"], { ...options, signal: soon() }), isReason);
    await assert.rejects(
      llama.chatCompletion([[{ role: "user", content: "Hi" }]], { ...options, signal: soon() }),
      isReason,
    );
    await assert.rejects(llama.textCompletion(["Once"], { ...options, signal: AbortSignal.abort(reason) }), isReason);
  });

  test("ends batch, score and scoreText with its reason, after the answers that are done", async () => {
    const done: number[] = [];
    const requests = [
      { tag: 0, prompt: "Once", options: { ...options, maxGenLen: 1 } },
      { tag: 1, prompt: "Lily", options },
    ];
    await assert.rejects(async () => {
      for await (const { tag } of llama.batch(requests, { signal: soon() })) done.push(tag);
    }, isReason);
    assert.deepEqual(done, [0]);
    const pairs = Array.from({ length: 300 }, (_, tag) => ({
      tag,
      context: `Story ${tag} of`,
      continuation: " a cat",
    }));
    await assert.rejects(async () => {
      for await (const _ of llama.score(pairs, { signal: soon() }));
    }, isReason);
    const ids = Array.from({ length: 20_000 }, (_, i) => 300 + (i % 1000));
    await assert.rejects(llama.scoreText(ids, { signal: soon() }), isReason);
  });

  test("ends a stream with what it has, and all requests leave", async () => {
    let end = null;
    for await (const { done } of llama.stream("Once", { ...options, signal: soon() })) end = done;
    assert.equal(end?.finishReason, "abort");
    for (let i = 0; i < 100 && llama.requestCounts.running > 0; i++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual([llama.requestCounts.running, llama.requestCounts.waiting], [0, 0]);
    const [prediction] = await llama.textCompletion(["Once upon a time"], { temperature: 0, maxGenLen: 4 });
    assert.deepEqual(prediction, { generation: ", there was a", finishReason: "length" });
  });
});

test("a model is closed at the end of its block", async () => {
  const llama = await Llama.build({ ...demoModel, nprocPerNode: 1 });
  await llama[Symbol.asyncDispose]();
  await assert.rejects(llama.textCompletion(["Once"]), /the model is closed/);
});
