/** A model whose layers are in several engines, used through the library: texts, conversations, files of conversations, and a loss. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Llama } from "../../src/generation/llama.js";
import type { BuildOptions } from "../../src/generation/loading/build-options.js";
import { temporaryFolder } from "../cli/cli-process.js";
import { cut, LocalRing } from "../engine/pipeline/local-ring.js";
import { demo } from "../folders.js";

const root = temporaryFolder();
const BUILD: BuildOptions = {
  ckptDir: demo,
  nprocPerNode: 1,
  threadsPerRank: 1,
  dtype: "fp32",
  maxSeqLen: 256,
  cacheDir: null,
};
const STORY = "Once upon a time, a little girl named Lily";

describe("a model in three stages", () => {
  let one: Llama;
  let staged: Llama;
  let ring: LocalRing;
  before(async () => {
    one = await Llama.build(BUILD);
    staged = await Llama.build({
      ...BUILD,
      startEngine: async (checkpoint, options) => {
        ring = await LocalRing.start(checkpoint, cut(5, 2, 4), { ...options, maxPositions: 2048 });
        return ring.pipeline;
      },
    });
  });
  after(async () => {
    await Promise.all([one.close(), staged.close()]);
    await ring.close();
  });

  async function textOf(model: Llama, each?: (token: number) => void): Promise<string> {
    let text = "";
    let tokens = 0;
    for await (const event of model.stream(STORY, { maxGenLen: 60, temperature: 0.8, topP: 0.9, seed: 5 })) {
      each?.(tokens++);
      text += event.text;
    }
    return text;
  }

  test("writes the same text, and has room for as many tokens as the smallest stage", async () => {
    assert.equal(await textOf(staged), await textOf(one));
    assert.equal(staged.requestCounts.kvBytes.limit, 2048 * ring.pipeline.positionBytes);
  });

  test("a stage that is lost at every tenth token changes nothing of a stream", async () => {
    const lose = (token: number) => token % 10 === 7 && ring.lose();
    assert.equal(await textOf(staged, lose), await textOf(one));
    assert.ok(ring.epochs >= 5);
  });

  test("logits, batches and scores are those of one engine, bit by bit or to the last digits", async () => {
    const ids = await one.encodeText(STORY);
    assert.deepEqual(await staged.logits(ids), await one.logits(ids));
    const scores = async (model: Llama) => {
      const list: number[] = [];
      for await (const answer of model.score([{ tag: 0, context: STORY, continuation: " went to the park." }])) {
        list.push(answer.score!.logprob);
      }
      return list;
    };
    const [a, b] = [await scores(staged), await scores(one)];
    assert.ok(a.length === 1 && Math.abs(a[0]! - b[0]!) < 1e-4, `${a} and ${b}`);
  });

  test("a conversation is saved with the keys and values of all stages, and continues where it was", async () => {
    const ask = async (conversation: ReturnType<Llama["conversation"]>, text: string) => {
      let answer = "";
      for await (const event of conversation.send(text, { maxGenLen: 20, temperature: 0 })) answer += event.text;
      return answer;
    };
    const file = join(root, "talk.json");
    const talk = staged.conversation({ chat: "none" });
    await ask(talk, STORY);
    await staged.saveConversation(talk, file, { cache: true });
    const loaded = await staged.loadConversation(file);
    assert.equal(loaded.cache, "restored");
    assert.equal(await ask(loaded.conversation, " Then"), await ask(talk, " Then"));
    // Another cut has other numbers in their last digits, so the prompt runs again.
    assert.equal((await one.loadConversation(file)).cache, "of another model or type");
  });
});
