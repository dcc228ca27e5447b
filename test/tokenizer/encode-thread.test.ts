import assert from "node:assert/strict";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { test } from "node:test";
import { Llama, LlamaError } from "../../src/index.js";
import { EncodeThread, LONG_TEXT } from "../../src/tokenizer/loading/encode-thread.js";
import { loadTokenizer } from "../../src/tokenizer/loading/open-tokenizer.js";
import { demo, fixture } from "../folders.js";

const FILES = [`${demo}/tokenizer.model`, `${fixture("llama3mini-bf16-mp1")}/tokenizer.model`];
const TEXT = "Once upon a time, there was a little girl named Lily. Été 漢字 🦙\n".repeat(2000);

test("a text has the same ids from the thread, also of several at once; the event loop does not wait", async () => {
  for (const file of FILES) {
    const expected = (await loadTokenizer(file, "3.1")).encode(TEXT);
    const thread = new EncodeThread(file, "3.1");
    const delay = monitorEventLoopDelay({ resolution: 5 });
    try {
      await thread.encode("start");
      delay.enable();
      const texts = await Promise.all([TEXT, `${TEXT}x`, TEXT].map((text) => thread.encode(text)));
      delay.disable();
      assert.deepEqual(texts[0], expected);
      assert.deepEqual(texts[2], expected);
      assert.ok(texts[1]!.length > expected.length);
    } finally {
      await thread.close();
    }
  }
});

test("a closed thread, and a text that its library refuses, are errors; a thread that is gone is started again", async () => {
  const thread = new EncodeThread(FILES[0]!, "3");
  const waiting = thread.encode(TEXT);
  await thread.close();
  await assert.rejects(waiting, LlamaError);
  assert.deepEqual(await thread.encode("Once"), (await loadTokenizer(FILES[0]!)).encode("Once"));
  await thread.close();
});

test("a text that cannot fit into the context is refused before it is encoded; a long one that fits is encoded in the thread", async () => {
  const llama = await Llama.build({ ckptDir: demo, maxSeqLen: 512 });
  try {
    const start = performance.now();
    await assert.rejects(
      llama.textCompletion(["x".repeat(20e6)]),
      /longer than the context; expected at most 512 tokens, found at least \d+/,
    );
    assert.ok(performance.now() - start < 1000);
    await assert.rejects(llama.textCompletion(["Once", "x".repeat(20e6)]), /^LlamaError: prompt 2: is longer/);
  } finally {
    await llama.close();
  }
  const longer = await Llama.build({ ckptDir: demo, maxSeqLen: 4000 });
  try {
    const events: string[] = [];
    const submitted = longer.submit({ prompt: "Lily ".repeat(5000), maxGenLen: 1 });
    await assert.rejects(async () => {
      for await (const { kind } of submitted) events.push(kind);
    }, /longer than the context/);
    assert.deepEqual(events, []);
    const prompt = "Lily ".repeat(3280);
    assert.ok(prompt.length > LONG_TEXT);
    for await (const { done } of longer.stream(prompt, { maxGenLen: 1, temperature: 0 })) {
      if (done) assert.deepEqual(done.promptIds, longer.tokenizer.encode(prompt, { bos: true }));
    }
  } finally {
    await longer.close();
  }
});
