import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Completion, Llama, LlamaError } from "../../src/index.js";
import { demo } from "../folders.js";

let llama: Llama;
describe("stream", () => {
  before(async () => {
    llama = await Llama.build({ ckptDir: demo, nprocPerNode: 2, maxSeqLen: 256 });
  });
  after(() => llama.close());

  async function collect(prompt: string | number[], options: Parameters<Llama["stream"]>[1]) {
    const pieces: string[] = [];
    let done: Completion | null = null;
    for await (const event of llama.stream(prompt, options)) {
      pieces.push(event.text);
      done = event.done ?? done;
    }
    return { pieces, done: done! };
  }

  test("the pieces joined are the text, and prompt + text is what the ids decode to", async () => {
    for (const prompt of ["Once upon a time", "", 'Tom said, "', "Lily\nwas a ca"]) {
      const { pieces, done } = await collect(prompt, { temperature: 0.8, topP: 0.95, seed: 5, maxGenLen: 40 });
      assert.equal(pieces.join(""), done.text);
      assert.equal(prompt + done.text, llama.tokenizer.decode([...done.promptIds, ...done.ids]));
    }
  });

  test("the same seed gives the same text, another seed a different text", async () => {
    const run = (seed: number) => collect("One day", { temperature: 1, topP: 1, seed, maxGenLen: 30 });
    const [first, second, other] = [await run(1), await run(1), await run(2)];
    assert.deepEqual(first.done.ids, second.done.ids);
    assert.notDeepEqual(first.done.ids, other.done.ids);
    assert.equal(first.done.seed, 1);
  });

  test("a text ends with reason stop at </s>, and with reason length at the limit or in a full context", async () => {
    const finished = await collect('"Can I have a cookie?" asked the bear.', { temperature: 0 });
    assert.equal(finished.done.finishReason, "stop");
    assert.ok(!finished.done.ids.includes(llama.tokenizer.eosId!));
    assert.equal((await collect("Lily", { temperature: 0, maxGenLen: 3 })).done.ids.length, 3);
    const full = await collect("Lily", { temperature: 0 });
    assert.equal(full.done.finishReason, "length");
    assert.equal(full.done.promptIds.length + full.done.ids.length, 256);
  });

  test("an abort ends the stream and keeps the text so far", async () => {
    const controller = new AbortController();
    let text = "";
    for await (const event of llama.stream("Lily", { temperature: 0, signal: controller.signal })) {
      text += event.text;
      if (text.length > 20) controller.abort();
      if (event.done) {
        assert.equal(event.done.finishReason, "abort");
        assert.equal(event.done.text, text);
      }
    }
    assert.ok(text.length > 20);
  });

  test("after breaking out of a stream, two streams can run at the same time", async () => {
    for await (const event of llama.stream("Lily", { temperature: 0 })) if (event.text) break;
    const alone = await collect("Tom and his dog", { temperature: 0, maxGenLen: 20 });
    const pair = await Promise.all([
      collect("Tom and his dog", { temperature: 0, maxGenLen: 20 }),
      collect("Once upon a time", { temperature: 0, maxGenLen: 20 }),
    ]);
    assert.equal(pair[0].done.text, alone.done.text);
  });

  test("errors for wrong options and prompts name what is wrong", async () => {
    const refused = (prompt: string | number[], options: object, pattern: RegExp) =>
      assert.rejects(
        collect(prompt, options),
        (error: Error) => error instanceof LlamaError && pattern.test(error.message),
      );
    await refused("a", { temperature: -1 }, /temperature/);
    await refused("a", { topP: 1.5 }, /top_p/);
    await refused("a", { seed: 1.5 }, /seed/);
    await refused("a", { maxGenLen: -1 }, /max_gen_len/);
    await refused([], {}, /no tokens/);
    await refused([5000], {}, /5000/);
    await refused("very ".repeat(300), {}, /context/);
  });
});
