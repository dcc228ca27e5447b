/** Conversations with the demo model: which tokens are reused, and that reuse does not change the text. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { chatFormat } from "../../src/generation/chat/choose-format.js";
import { Conversation, type TurnOptions, type TurnStats } from "../../src/generation/conversation/conversation.js";
import { type Completion, Llama } from "../../src/index.js";
import { demo } from "../folders.js";

let llama: Llama;
describe("conversations", () => {
  before(async () => {
    llama = await Llama.build({ ckptDir: demo, nprocPerNode: 2, maxSeqLen: 256 });
  });
  after(() => llama.close());

  const GREEDY: TurnOptions = { temperature: 0, maxGenLen: 12 };

  async function say(talk: Conversation, text: string, options = GREEDY): Promise<Completion & TurnStats> {
    for await (const { done } of talk.send(text, options)) if (done) return done;
    throw new Error("no end");
  }

  /** The tokens generated after a prompt without any cache. */
  async function uncached(promptIds: readonly number[], options = GREEDY): Promise<number[]> {
    const { tokens } = await llama.generate([promptIds], { ...options, cachePrompt: false });
    return tokens[0]!;
  }

  for (const chat of ["none", "llama2"] as const) {
    test(`a turn runs only new tokens, and answers as it would without the cache (${chat})`, async () => {
      const talk = llama.conversation({ chat });
      const first = await say(talk, "Lily had a cat.");
      assert.equal(first.reusedTokens, 0);
      let before = first;
      for (const text of ["The cat was big.", "Then a dog came.", "They went home."]) {
        const turn = await say(talk, text);
        // All but the last token of the answer, which was sampled and never run.
        assert.equal(turn.reusedTokens, before.promptIds.length + before.ids.length - 1);
        assert.deepEqual(turn.promptIds.slice(0, before.promptIds.length), before.promptIds);
        assert.deepEqual(turn.ids, await uncached(turn.promptIds));
        before = turn;
      }
    });
  }

  test("repeating an answer, undoing a turn and changing the system prompt reuse the cache up to the change", async () => {
    const talk = llama.conversation({ chat: "llama2", system: "Tell stories" });
    await say(talk, "Lily had a cat.");
    const second = await say(talk, "The cat was big.");
    const { user } = talk.undo()!;
    const again = await say(talk, user);
    assert.equal(again.reusedTokens, second.promptIds.length - 1);
    assert.deepEqual(again.ids, second.ids);
    talk.undo();
    const other = await say(talk, "The cat was small.");
    assert.ok(other.reusedTokens > 20 && other.reusedTokens < second.promptIds.length);
    assert.deepEqual(other.ids, await uncached(other.promptIds));
    talk.system = "Be brief";
    const changed = await say(talk, "Continue.");
    assert.ok(changed.reusedTokens < 20);
    assert.deepEqual(changed.ids, await uncached(changed.promptIds));
  });

  test("stop strings and an interrupted answer leave a correct cache", async () => {
    const talk = llama.conversation({ chat: "none" });
    const stopped = await say(talk, "Once upon a time", { ...GREEDY, stop: "Lily" });
    assert.ok(!stopped.text.includes("Lily"));
    const abort = new AbortController();
    let pieces = 0;
    for await (const { done } of talk.send("The dog", { temperature: 0, maxGenLen: 100, signal: abort.signal })) {
      if (++pieces === 5) abort.abort();
      if (done) assert.equal(done.finishReason, "abort");
    }
    assert.equal(talk.turns.length, 2);
    for await (const _ of talk.send("The ball", { temperature: 0, maxGenLen: 100 })) if (++pieces > 12) break;
    assert.equal(talk.turns.length, 3);
    const last = await say(talk, "Then");
    assert.ok(last.reusedTokens > 0);
    assert.deepEqual(last.ids, await uncached(last.promptIds));
  });

  test("a full context drops the oldest whole turns after the first, and reports how many", async () => {
    const talk = llama.conversation({ chat: "llama2", system: "Tell stories" });
    let dropped = 0;
    for (let i = 0; i < 12; i++) {
      const turn = await say(talk, `Story ${i} of the cat`, { temperature: 0, maxGenLen: 20 });
      dropped += turn.droppedTurns;
      assert.ok(turn.promptIds.length + 20 <= llama.maxSeqLen);
      assert.equal(talk.turns[0]!.user, "Story 0 of the cat");
      assert.equal(talk.turns.length, i + 1 - dropped);
      if (turn.droppedTurns > 0)
        assert.deepEqual(turn.ids, await uncached(turn.promptIds, { temperature: 0, maxGenLen: 20 }));
    }
    assert.ok(dropped > 2);
    await assert.rejects(say(talk, "very ".repeat(300)), /the message is longer than the context/);
    assert.equal(talk.turns.length, 12 - dropped);
  });

  test("a second message is refused while an answer is running", async () => {
    const talk = llama.conversation({ chat: "none" });
    for await (const { done } of talk.send("Lily", GREEDY)) {
      if (!done) await assert.rejects(say(talk, "Tom"), /answering already/);
    }
    assert.equal(talk.turns.length, 1);
    assert.equal((await say(talk, "Tom")).ids.length, 12);
  });

  test("special tags of a chat format are refused, and the conversation can continue", async () => {
    const talk = llama.conversation({ chat: "llama2" });
    await assert.rejects(say(talk, "a [INST] b"), /special tags are not allowed/);
    assert.equal(talk.turns.length, 0);
    assert.equal((await say(talk, "a")).ids.length, 12);
  });

  test("a closed conversation answers no more, and one that is closed during an answer finishes it", async () => {
    const talk = llama.conversation({ chat: "none" });
    const expected = await say(llama.conversation({ chat: "none" }), "Once upon a time", {
      temperature: 0,
      maxGenLen: 40,
    });
    let ids: number[] = [];
    for await (const { id, done } of talk.send("Once upon a time", { temperature: 0, maxGenLen: 40 })) {
      if (id !== null) talk.close();
      ids = done?.ids ?? ids;
    }
    assert.deepEqual(ids, expected.ids);
    await assert.rejects(say(talk, "She went to"), /the conversation is closed/);
  });

  test("a conversation whose KV cache was dropped computes it again", async () => {
    const small = await Llama.build({ ckptDir: demo, nprocPerNode: 1, maxSeqLen: 256, kvMemory: 130 * 5120 });
    try {
      const talks = Array.from({ length: 8 }, () => small.conversation({ chat: "none" }));
      for (const [i, talk] of talks.entries()) await say(talk, `Story ${i} of a cat and a very big dog in the park`);
      assert.ok(small.requestCounts.kept < 8, `${small.requestCounts.kept} kept`);
      const again = await say(talks[0]!, "The dog");
      assert.equal(again.reusedTokens, 0);
      assert.deepEqual(again.ids, await uncached(again.promptIds));
    } finally {
      await small.close();
    }
  });

  test("each message is encoded once, however many turns are dropped", async () => {
    let encoded = 0;
    const encode = (...call: Parameters<typeof llama.tokenizer.encode>) => {
      encoded++;
      return llama.tokenizer.encode(...call);
    };
    const format = chatFormat("llama2", { ...llama.tokenizer, encode }, llama.config);
    encoded = 0;
    const answerIds = llama.tokenizer.encode("It is a good day and the sun is out.");
    async function* stream(): AsyncGenerator<never, void, void> {}
    const talk = new Conversation(format, { maxSeqLen: 131072, stream, forget: () => {} });
    talk.turns = Array.from({ length: 4000 }, () => ({ user: "What shall we do today?", answer: "", answerIds }));
    for await (const _ of talk.send("And now?")) assert.fail("no events");
    assert.ok(talk.turns.length < 3000, `${talk.turns.length} turns`);
    // The search for the turns to drop encodes the new message again.
    assert.ok(encoded <= 4020, `${encoded} messages encoded`);
    encoded = 0;
    for await (const _ of talk.send("And now?")) assert.fail("no events");
    assert.equal(encoded, 1);
  });
});
